/**
 * The dashboard in Chromium among many zones: `npm run bench -- dashboard [--zones 10000] [--runs 5] [--screenshot FILE]`. A first visit with an empty cache each, and a
 * second one: requests, octets over the wire, first contentful paint, and until the zones stand there. There is no peer: nobody else has one.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { removeEmbedded, startEmbedded } from '../src/embedded/index.ts';
import { findProgram } from '../test/support/secondaries/server-process.ts';
import { startService } from '../test/support/service.ts';
import { until } from '../test/support/until.ts';
import { median, printMachine } from './small/table.ts';

const { values: given } = parseArgs({
  options: {
    zones: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    screenshot: { type: 'string' },
  },
});
const zones = Number(given.zones);

interface Visit {
  requests: number;
  octets: number;
  /** Milliseconds from the start of the visit. */
  painted: number;
  filled: number;
}

const executablePath = findProgram('chromium');
if (!executablePath) throw new Error('chromium is not installed: this needs it');
const folder = await mkdtemp(join(tmpdir(), 'zoneferry-bench-dashboard-'));
await chmod(folder, 0o711);
const database = await startEmbedded(folder);
const pool = new pg.Pool({ connectionString: database.url, max: 2 });
const service = await startService({ databaseUrl: database.url, settings: { LOG_LEVEL: 'warn' } });
let browser: Browser | undefined;
try {
  await pool.query(
    `insert into secondaries (name, addresses, notify) values ('ns1', '{127.0.0.1:9}', false)`,
  );
  await pool.query(
    `with z as (insert into zones (name, primary_ns, contact) select 'z' || lpad(n::text, 7, '0') || '.bench.', 'ns1.bench.', 'h@bench'
       from generate_series(1, $1::integer) as n returning id, name)
     insert into records (zone_id, name, type, content) select id, name, 'NS', 'ns1.bench.' from z`,
    [zones],
  );
  await until(
    'all zones are published',
    async () => !(await pool.query('select exists (select from zone_marks) as left')).rows[0].left,
    { deadlineMs: 600_000, everyMs: 250 },
  );
  browser = await chromium.launch({ executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu'] });
  const first: Visit[] = [];
  const again: Visit[] = [];
  for (let run = 0; run < Number(given.runs); run++) {
    const context = await browser.newContext();
    first.push(await visit(context));
    again.push(await visit(context, run === 0 ? given.screenshot : undefined));
    await context.close();
  }
  printMachine();
  console.log(`\n### Dashboard among ${zones} zones, ${given.runs} runs\n`);
  console.log(
    '| visit | requests | octets over the wire | first contentful paint, ms | zones shown, ms |\n| --- | --- | --- | --- | --- |',
  );
  for (const [name, visits] of [
    ['first', first],
    ['again', again],
  ] as const) {
    const of = (key: keyof Visit) => {
      const values = visits.map((one) => one[key]);
      return `${median(values).toFixed(0)} (${Math.min(...values).toFixed(0)}-${Math.max(...values).toFixed(0)})`;
    };
    console.log(`| ${name} | ${of('requests')} | ${of('octets')} | ${of('painted')} | ${of('filled')} |`);
  }
} finally {
  await browser?.close();
  await service.stop();
  await pool.end();
  await database.leave();
  await removeEmbedded(folder);
  await rm(folder, { recursive: true, force: true });
}

async function visit(context: BrowserContext, screenshot?: string): Promise<Visit> {
  const page = await context.newPage();
  const wire = await context.newCDPSession(page);
  await wire.send('Network.enable');
  let [requests, octets] = [0, 0];
  wire.on('Network.loadingFinished', (event) => {
    requests++;
    octets += event.encodedDataLength;
  });
  await page.goto(`http://${service.http.ip}:${service.http.port}/`);
  await page.locator('tr[data-zone]').first().waitFor();
  const { painted, filled } = (await page.evaluate(
    `({ painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN, filled: performance.now() })`,
  )) as Pick<Visit, 'painted' | 'filled'>;
  if (screenshot) await page.screenshot({ path: screenshot, fullPage: true });
  await page.close();
  return { requests, octets, painted, filled };
}
