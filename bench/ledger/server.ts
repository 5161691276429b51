/** The transfer server as `serve --roles transfer` has it, with the ledger of convergence or without: `server.ts DATABASE_URL PORT with|without`. */
import { AheadWatch } from '../../src/app/ahead.ts';
import { startConvergence } from '../../src/app/convergence.ts';
import { systemClock } from '../../src/clock.ts';
import { Metrics } from '../../src/http/metrics.ts';
import type { Log } from '../../src/log.ts';
import { Hints } from '../../src/store/hints.ts';
import { createPool } from '../../src/store/pool.ts';
import { Registry } from '../../src/store/registry.ts';
import { VersionSource } from '../../src/store/version-source.ts';
import { createTransferServer } from '../../src/transfer/server.ts';

const [databaseUrl = '', port = '', ledger = ''] = process.argv.slice(2);
const none = () => {};
const log: Log = {
  debug: none,
  info: none,
  warn: console.error,
  error: console.error,
  child: () => log,
  shows: () => false,
};
const pool = createPool(databaseUrl, { max: 8, mayLoseLatest: true });
const hints = new Hints(databaseUrl, console.error);
const registry = new Registry(pool);
const source = new VersionSource({
  pool,
  url: databaseUrl,
  clock: systemClock,
  access: { read: () => registry.read() },
});
await source.start();
const metrics = new Metrics();
const stops: (() => unknown)[] = [];
const convergence =
  ledger === 'with'
    ? startConvergence({
        // so that the questions after the start, which nobody answers here, are over before anything is measured
        config: { notifyFrom: {}, notifyRate: 50_000 },
        pool,
        hints,
        clock: systemClock,
        log,
        ahead: new AheadWatch({ pool, log, now: () => systemClock.now() }),
        onStop: (end) => stops.push(end),
      })
    : undefined;
const server = createTransferServer({
  listen: [{ ip: '127.0.0.1', port: Number(port) }],
  source,
  registry,
  clock: systemClock,
  log,
  onServed: (event) => {
    metrics.transferEnded(event);
    convergence?.served(event);
  },
});
await server.start();
hints.start();
process.on('SIGTERM', () => process.exit());
