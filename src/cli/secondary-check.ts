import { systemClock } from '../clock.ts';
import { parseEndpoint } from '../endpoint.ts';
import { UserError } from '../errors.ts';
import { Sockets } from '../notify/sockets.ts';
import { readStanding } from '../store/ledger/states.ts';
import { readRefusals } from '../store/refusals.ts';
import { findSecondary, type Secondary } from '../store/secondaries.ts';
import { readPublished } from '../store/zones.ts';
import { inWords } from '../zone/convergence.ts';
import { type Session, withDatabase } from './database.ts';
import { failed, ok, printVerdicts, type Verdict, warning } from './doctor/verdict.ts';
import { checkNotify } from './secondary-check/notify.ts';
import { checkReach } from './secondary-check/reach.ts';
import { noSecondary } from './secondary-settings.ts';

const MOST_ROWS = 1_000_000;
const REFUSED_WITHIN_MS = 24 * 3600 * 1000;

interface Options {
  zone?: string;
  json?: boolean;
}

/** `secondary check`: asks it live, tells it of one zone, and looks at what it has done since. Exit status 1 where anything failed. */
export async function check(name: string, options: Options): Promise<void> {
  const verdicts = await withDatabase(async (session) => {
    const secondary = await findSecondary(session.pool, name);
    if (!secondary) throw noSecondary(name);
    return look(session, secondary, options.zone);
  });
  printVerdicts(verdicts, options.json === true);
}

async function look(session: Session, secondary: Secondary, wanted: string | undefined): Promise<Verdict[]> {
  const { pool, config } = session;
  const refusals = await checkRefusals(session, secondary);
  const zone = await oneZone(session, secondary, wanted);
  const published = zone === undefined ? undefined : await readPublished(pool, zone);
  if (zone === undefined || !published)
    return [
      warning('zones', `there is none yet that ${secondary.name} may have: add one to see it served`),
      ...refusals,
    ];
  const sockets = new Sockets(config.notifyFrom);
  try {
    const asked = (secondary.check ?? secondary.addresses).flatMap((text) => parseEndpoint(text, 53) ?? []);
    const reach = await Promise.all(asked.map((endpoint) => checkReach(sockets, endpoint, published)));
    const notify = secondary.notify
      ? await checkNotify(session, secondary, published)
      : [warning('NOTIFY', 'is off for it (--no-notify): it follows only as its SOA refresh says')];
    return [...reach.flat(), ...notify, ...(await checkFollowing(session, secondary, zone)), ...refusals];
  } finally {
    sockets.close();
  }
}

/** The zone to try it with: the one named, else the first that it may have, one in trouble before others. */
async function oneZone(
  { pool }: Session,
  secondary: Secondary,
  wanted: string | undefined,
): Promise<string | undefined> {
  const { rows } = await readStanding(pool, {
    secondaryId: secondary.id,
    ...(wanted === undefined ? { limit: 1 } : { limit: MOST_ROWS }),
  });
  if (wanted === undefined) return rows[0]?.zone;
  const found = rows.find((row) => row.zone === wanted);
  if (!found)
    throw new UserError(
      `${secondary.name} may not have ${wanted}, or it is not published: zoneferry secondary show ${secondary.name} lists its zones`,
    );
  return found.zone;
}

/** What the service has seen it do with the newest version of that zone. */
async function checkFollowing({ pool }: Session, secondary: Secondary, zone: string): Promise<Verdict[]> {
  const { rows } = await readStanding(pool, { secondaryId: secondary.id, limit: MOST_ROWS });
  const row = rows.find((one) => one.zone === zone);
  if (!row) return [];
  const verdicts: Verdict[] = [];
  const since = `serial ${row.serial} of ${zone} was published`;
  if (row.askedAt === null && row.served === null)
    verdicts.push(
      row.servingAt === null
        ? warning(
            'asks us',
            `nothing since ${since}: it may be configured with another primary, or its way here is blocked`,
          )
        : ok('asks us', `it had no need since ${since}`),
    );
  else if (row.askedAt !== null)
    verdicts.push(ok('asks us', `for the SOA at ${row.askedAt.toISOString()}, since ${since}`));
  if (row.served !== null)
    verdicts.push(
      ok(
        'transfers',
        `${row.served.kind} at ${row.served.at.toISOString()}, ${row.served.bytes} bytes in ${row.served.ms} ms`,
      ),
    );
  const words = `${zone}: ${inWords(row, systemClock.now())}`;
  verdicts.push(
    row.state === 'converged'
      ? ok('serving', words)
      : row.state === 'converging' || row.state === 'not checked'
        ? warning('serving', `${row.state} ${words}`)
        : failed('serving', `${row.state}: ${words}`),
  );
  return verdicts;
}

/** What the transfer server had to refuse it lately, of zones that it may have. */
async function checkRefusals({ pool }: Session, secondary: Secondary): Promise<Verdict[]> {
  const own = new Set(secondary.addresses.flatMap((text) => parseEndpoint(text, 53)?.ip ?? []));
  const { rows } = await readRefusals(pool, MOST_ROWS, new Date(systemClock.now() - REFUSED_WITHIN_MS));
  const { rows: zones } = await readStanding(pool, { secondaryId: secondary.id, limit: MOST_ROWS });
  const may = new Set(zones.map(({ zone }) => zone));
  return rows
    .filter(({ address, zone }) => own.has(address) && zone !== null && may.has(zone))
    .map(({ asked, zone, detail, count, advice, lastAt }) =>
      warning(
        'refused by us',
        `${asked} of ${zone}, ${count} times within a day, last at ${lastAt.toISOString()}: ${detail}. ${advice}`,
      ),
    );
}
