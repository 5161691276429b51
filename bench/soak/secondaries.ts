import type pg from 'pg';
import { SECONDARY_KINDS, type SecondaryKind } from '../../src/cli/secondary-config.ts';
import { freePort, installed, type Secondary, startSecondary } from '../../test/support/secondaries/index.ts';
import type { Service } from '../../test/support/service.ts';
import type { Laid } from './zones.ts';

/**
 * How each is started: quiet, with limits that don't stand in the way of a churn over ten thousand zones, and without writing zone files
 * or waiting for the disk at each change, where it can be told so.
 */
const REWRITES: Record<SecondaryKind, (configuration: string) => string> = {
  bind: (text) =>
    `${text.replace(
      'options {',
      'options {\n    serial-query-rate 20000;\n    transfers-in 50;\n    transfers-per-ns 50;\n    zone-statistics none;',
    )}\nlogging { category default { null; }; category unmatched { null; }; };\n`,
  nsd: (text) =>
    text.replace(
      'zonefiles-write: 1',
      'zonefiles-write: 86400\n    xfrd-tcp-max: 32\n    xfrd-tcp-pipeline: 100',
    ),
  knot: (text) =>
    text
      .replace('any: info', 'any: error')
      .replace('background-workers: 1', 'background-workers: 2')
      .replace('- id: default\n', '- id: default\n    zonefile-sync: -1\n    journal-max-usage: 64K\n'),
  powerdns: (text) =>
    `${text.replace('loglevel=6', 'loglevel=3').replace('xfr-cycle-interval=2', 'xfr-cycle-interval=1')}gsqlite3-pragma-synchronous=0\n`,
};

/** Registers and starts real secondaries, each with the first so many zones. */
export async function startSecondaries(options: {
  pool: pg.Pool;
  service: Service;
  laid: Laid;
  shares: Record<string, number>;
  say(text: string): void;
  onEnd(end: () => unknown): void;
  /** Waited for after each. */
  settled(kind: SecondaryKind): Promise<void>;
}): Promise<{ server: Secondary; share: number }[]> {
  const { pool, service, laid, shares, say, onEnd, settled } = options;
  const started: { server: Secondary; share: number }[] = [];
  for (const kind of SECONDARY_KINDS) {
    const share = Math.min(laid.zones.length, shares[kind] ?? 0);
    if (share === 0) continue;
    if (!installed(kind)) {
      say(`${kind} is not installed, and left out`);
      continue;
    }
    const zones = laid.zones.slice(0, share);
    const port = await freePort();
    await pool.query('insert into secondaries (name, addresses, zones) values ($1, $2, $3)', [
      kind,
      [`127.0.0.1:${port}`],
      share === laid.zones.length ? null : zones,
    ]);
    const config =
      kind === 'powerdns'
        ? intoSqlite(zones, service.dns)
        : await service.cli('secondary', 'config', kind, '--for', kind);
    const server = await startSecondary(kind, {
      primary: service.dns,
      zones: [],
      port,
      config,
      rewrite: REWRITES[kind],
    });
    onEnd(() => server.stop());
    say(`${kind} is started with ${share} zones`);
    await settled(kind);
    started.push({ server, share });
  }
  return started;
}

/** What the printed script does, without a call of pdnsutil for each of so many zones. */
function intoSqlite(zones: readonly string[], primary: { ip: string; port: number }): string {
  const rows = zones.map((zone) => `('${zone.replace(/\.$/, '')}','SLAVE','${primary.ip}:${primary.port}')`);
  return `set -e
mkdir -p "$PDNS_CONFIG/pdns.d"
echo secondary=yes > "$PDNS_CONFIG/pdns.d/zoneferry.conf"
sqlite3 "$PDNS_CONFIG/pdns.sqlite3" <<SQL
pragma journal_mode=wal;
begin;
insert into domains (name, type, master) values
${rows.join(',\n')};
commit;
SQL
`;
}
