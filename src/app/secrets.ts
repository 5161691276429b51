import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, UserError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Hints } from '../store/hints.ts';
import { areTheWrongKeys, sealSecrets } from '../store/keys.ts';
import type { Pool } from '../store/pool.ts';
import type { Secrets } from '../store/secrets.ts';

const EVERY = 60_000; // ms, behind the hints

/**
 * Encrypts secrets that a platform has written as base64: now, at each hint that keys changed, and each minute. Returns how to stop it.
 *
 * @throws UserError where secrets are encrypted and SECRET_KEY opens none of them
 */
export async function keepSealed(rooms: {
  pool: Pool;
  hints: Hints;
  secrets: Secrets;
  log: Log;
}): Promise<() => Promise<void>> {
  const { pool, hints, secrets, log } = rooms;
  let told = '';
  const tell = (closed: readonly string[]) => {
    if (closed.join() !== told && closed.length > 0)
      log.error(
        { keys: closed },
        `the secrets of ${someOf(closed)} can not be opened with SECRET_KEY: who is registered with them is refused, signed or not; add the SECRET_KEY of before behind a comma, or make the keys anew`,
      );
    told = closed.join();
  };
  const first = await sealSecrets(pool, secrets);
  if (areTheWrongKeys(first))
    throw new UserError(
      `SECRET_KEY: ${secrets.prefix === undefined ? 'is unset' : 'got another one'}, takes the one that the TSIG secrets in the database are encrypted with (${first.closed.length} can't be opened: ${someOf(first.closed)}); after a change of it, or with a back-up from before, NEW,OLD opens both`,
    );
  tell(first.closed);

  let running: Promise<void> | undefined;
  let again = false;
  const run = async () => {
    while (again) {
      // an edit of many keys sends many hints
      await pause(50);
      again = false;
      const { sealed, closed } = await sealSecrets(pool, secrets);
      if (sealed > 0) log.info({ sealed }, `${sealed} TSIG secrets encrypted in the database`);
      tell(closed);
    }
  };
  const start = () => {
    again = true;
    running ??= run()
      .catch((error: unknown) =>
        log.warn({ error: messageOf(error) }, 'TSIG secrets could not be encrypted now; it is tried again'),
      )
      .finally(() => {
        running = undefined;
      });
  };
  const off = hints.on('registry', start);
  const timer = setInterval(start, EVERY).unref();
  return async () => {
    off();
    clearInterval(timer);
    await running;
  };
}

function someOf(names: readonly string[]): string {
  return names.length > 5 ? `${names.slice(0, 5).join(', ')} and ${names.length - 5} more` : names.join(', ');
}
