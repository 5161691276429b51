import { formatEndpoint } from '../endpoint.ts';
import type { Screen } from './screen.ts';
import { addressesOf, type Stage, TARGET, ZONE } from './stage.ts';
import { StepFailed, waitFor } from './wait.ts';

/** When each step of a move was done, in milliseconds since the target moved. */
export interface Times {
  resolved: number;
  serial: number;
  notify: number;
  transfer: number;
  answered: number;
}

const STEP_DEADLINE = 10_000; // ms
const FIRST_DEADLINE = 15_000;

/** Waits until the secondary answers the first address: from here on it only has to follow. */
export async function firstAnswer(stage: Stage, screen: Screen, signal: AbortSignal): Promise<void> {
  const [address] = addressesOf(0).A;
  const serial = await waitFor({
    step: 'first transfer',
    expected: `${stage.secondary.title} to answer ${ZONE} A ${address}`,
    deadlineMs: FIRST_DEADLINE,
    signal,
    look: async () => {
      checkAlive(stage, 'first transfer');
      const answer = await stage.questioner.contents(ZONE, 'A');
      if (answer?.join() !== address) return { seen: describe(answer) };
      const serial = await stage.questioner.serial(ZONE);
      return serial === undefined ? { seen: 'no serial' } : { found: serial };
    },
  });
  screen.ready('', `it answers ${ZONE} A ${address}, serial ${serial}`);
}

/** Moves the target and watches the change on its way to the secondary. */
export async function move(
  number: number,
  stage: Stage,
  screen: Screen,
  signal: AbortSignal,
): Promise<Times> {
  const { upstream, pool, overheard, secondary, listen, questioner } = stage;
  const [before, now] = [addressesOf(number - 1), addressesOf(number)];
  const [a, aaaa] = [now.A[0], now.AAAA[0]];
  const started = await publishedSerial(stage);
  const step = <T>(
    name: string,
    expected: string,
    look: () => Promise<{ found: T } | { seen: string }>,
    everyMs = 15,
  ) => {
    const of = `move ${number}, ${name}`;
    return waitFor({
      step: of,
      expected,
      deadlineMs: STEP_DEADLINE,
      everyMs,
      signal,
      look: () => {
        checkAlive(stage, of);
        return look();
      },
    });
  };

  screen.heading(`Move ${number} of 3: ${TARGET} goes from ${before.A[0]} to ${a}`);
  upstream.set(TARGET, now);
  const moved = Date.now();
  const since = (at: number) => Math.max(0, at - moved);
  screen.step(0, 'target moved', `${a} and ${aaaa}, TTL ${now.ttl}`);

  const resolved = await step('resolved', `a look at ${TARGET} to find ${a} and ${aaaa}`, async () => {
    const { rows } = await pool.query<{ a: string; aaaa: string; looked: Date | null }>(
      `select a_addresses[1] as a, aaaa_addresses[1] as aaaa, looked_at as looked from alias_targets where name = $1`,
      [TARGET],
    );
    const found = rows[0];
    if (found?.a !== a || found.aaaa !== aaaa)
      return { seen: `${found?.a ?? 'none'} and ${found?.aaaa ?? 'none'}` };
    return { found: since(overheard.changes.get(TARGET) ?? found.looked?.getTime() ?? moved) };
  });
  screen.step(resolved, 'resolved', `the scheduled look found both`);

  const { serial, at: serialAt } = await step(
    'serial',
    `${ZONE} to be published with ${a} and ${aaaa}`,
    async () => {
      const { rows } = await pool.query<{ serial: string; at: Date; addresses: string[] }>(
        `select published_serial as serial, published_at as at,
         array(select content from transfer_records t where t.zone_id = z.id and t.owner = z.name collate "C" and type in ('A', 'AAAA') order by content) as addresses
       from zones z where name = $1`,
        [ZONE],
      );
      const zone = rows[0];
      if (zone?.addresses.join() !== [a, aaaa].join())
        return { seen: zone?.addresses.join(' and ') ?? 'no zone' };
      return { found: { serial: Number(zone.serial), at: since(zone.at.getTime()) } };
    },
  );
  if (serial !== started + 1)
    throw new StepFailed(`move ${number}, serial`, `one new serial, ${started + 1}`, `it is ${serial}`);
  screen.step(serialAt, 'serial', `${started} -> ${serial}: old addresses out, new ones in, one transaction`);

  const notify = await step(
    'NOTIFY',
    `${secondary.title} to answer a NOTIFY of serial ${serial}`,
    async () => {
      const { rows } = await pool.query<{ sent: string; acked: string; sent_at: Date; error: string | null }>(
        'select sent_serial as sent, sent_at, acked_serial as acked, error from notifications',
      );
      const row = rows[0];
      if (Number(row?.acked) === serial && row?.sent_at) return { found: since(row.sent_at.getTime()) };
      const sent = row?.sent === undefined || row.sent === null ? 'none sent' : `sent ${row.sent}`;
      return { seen: `${sent}, answered ${row?.acked ?? 'none'}${row?.error ? `, ${row.error}` : ''}` };
    },
  );
  screen.step(notify, 'NOTIFY', `sent to ${formatEndpoint(listen)}, answered`);

  const transfer = await step('transfer', `${secondary.title} to pull serial ${serial}`, async () => {
    const pulled = overheard.transfers.find((one) => one.serial === serial);
    if (pulled) return { found: pulled };
    const last = overheard.transfers.at(-1);
    return { seen: last ? `${last.given} of serial ${last.serial}` : 'no transfer' };
  });
  const way =
    transfer.fromSerial === undefined ? `serial ${serial}` : `serial ${transfer.fromSerial} -> ${serial}`;
  const signed = transfer.key === undefined ? 'unsigned' : `signed with ${transfer.key.replace(/\.$/, '')}`;
  screen.step(
    since(transfer.at),
    'transfer',
    `${transfer.given}, ${way}, ${transfer.records} records, ${transfer.bytes} octets, ${signed}`,
  );

  const answered = await step(
    'answer',
    `${secondary.title} to answer ${ZONE} A ${a} and AAAA ${aaaa} with serial ${serial}`,
    async () => {
      const ipv4 = await questioner.contents(ZONE, 'A');
      if (ipv4?.join() !== a) return { seen: describe(ipv4) };
      const at = Date.now();
      const ipv6 = await questioner.contents(ZONE, 'AAAA');
      if (ipv6?.join() !== aaaa) return { seen: describe(ipv6) };
      const shown = await questioner.serial(ZONE);
      return shown === serial ? { found: since(at) } : { seen: `serial ${shown ?? 'none'}` };
    },
    5,
  );
  screen.step(answered, 'secondary answers', `${ZONE} A ${a}, AAAA ${aaaa}`);
  return { resolved, serial: serialAt, notify, transfer: since(transfer.at), answered };
}

async function publishedSerial({ pool }: Stage): Promise<number> {
  const { rows } = await pool.query<{ serial: string }>(
    'select published_serial as serial from zones where name = $1',
    [ZONE],
  );
  return Number(rows[0]?.serial);
}

function checkAlive({ secondary }: Stage, step: string): void {
  if (secondary.ended()) throw new StepFailed(step, `${secondary.title} to run`, 'it ended');
}

function describe(contents: string[] | undefined): string {
  if (contents === undefined) return 'no answer';
  return contents.length === 0 ? 'an answer without addresses' : `the answer ${contents.join(' and ')}`;
}
