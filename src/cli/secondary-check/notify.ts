import { systemClock } from '../../clock.ts';
import { absoluteName } from '../../dns/name.ts';
import type { TsigAlgorithm, TsigKey } from '../../dns/tsig.ts';
import { RCODE, rcodeToText } from '../../dns/types.ts';
import { formatEndpoint, parseEndpoint } from '../../endpoint.ts';
import { Sender } from '../../notify/sender.ts';
import { findKey } from '../../store/keys.ts';
import type { Secondary } from '../../store/secondaries.ts';
import type { PublishedZone } from '../../store/zones.ts';
import { notifyCause } from '../../zone/convergence.ts';
import type { Session } from '../database.ts';
import { failed, ok, type Verdict } from '../doctor/verdict.ts';

const WITHIN = 3_000; // ms

/** Sends NOTIFY of one zone to each of its addresses, from the address that it knows, signed as the service signs. */
export async function checkNotify(
  session: Session,
  secondary: Secondary,
  zone: PublishedZone,
): Promise<Verdict[]> {
  const { config } = session;
  const key = await signingKey(session, secondary);
  const sender = new Sender({ from: config.notifyFrom, clock: systemClock, legacyTsig: config.tsigLegacy });
  try {
    return await Promise.all(
      secondary.addresses.map(async (text) => {
        const endpoint = parseEndpoint(text, 53);
        if (!endpoint) return failed('NOTIFY', `"${text}" is no address`);
        const check = `NOTIFY to ${formatEndpoint(endpoint)}`;
        const result = await sender.send({ ...zone, ...(key ? { key } : {}) }, endpoint, {
          transport: 'udp',
          timeoutMs: WITHIN,
        });
        if (result.kind === 'silent') return failed(check, silence(result.error, secondary));
        if (result.rcode !== RCODE.NOERROR)
          return failed(check, `answered ${rcodeToText(result.rcode)}: ${notifyCause(result.rcode)}`);
        return ok(check, `answered${key ? ', and the signatures are taken: key and clock are right' : ''}`);
      }),
    );
  } finally {
    sender.close();
  }
}

async function signingKey({ pool, secrets }: Session, { keys }: Secondary): Promise<TsigKey | undefined> {
  const [name] = keys;
  const found = name === undefined ? undefined : await findKey(pool, secrets, name);
  return (
    found && {
      name: absoluteName(found.name),
      algorithm: found.algorithm as TsigAlgorithm,
      secret: Buffer.from(found.secret, 'base64'),
    }
  );
}

function silence(error: string, { name, keys }: Secondary): string {
  const key = keys[0] ?? '';
  if (error.includes('BADKEY'))
    return `it does not know the key ${key}: zoneferry secondary config ${name} --for … prints it for its configuration`;
  if (error.includes('BADSIG')) return `its secret of the key ${key} is another than ours`;
  if (error.includes('BADTIME'))
    return `its clock and ours are more than five minutes apart: set both by NTP (${error})`;
  if (error.includes('EADDRNOTAVAIL'))
    return 'this machine does not have the address of NOTIFY_FROM or DNS_LISTEN: run the check where the role transfer runs';
  return `${error}. Is it running, and does the path let UDP through?`;
}
