import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import { freePort } from '../support/secondaries/ports.ts';
import { axfr, ixfr, soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';
import { asker } from './support.ts';

let house: House;
const scrape = async (base = house.http) => (await asker(base)('GET', '/metrics')).text;

beforeAll(async () => {
  house = await openHouse();
  house.upstream.set('app.example.net', { A: ['192.0.2.1'], ttl: 60 });
  await house.zone('metrics.example.', [['metrics.example.', 'ALIAS', 'app.example.net.']]);
  await house.publishes('metrics.example.', 'A', ['192.0.2.1']);
});
afterAll(() => house?.close());

interface Family {
  type: string;
  help: string;
  samples: { name: string; labels: string; value: number }[];
}

/** Reads the text format of Prometheus, strictly. */
function read(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (kind !== undefined) {
      const family = families.get(name) ?? { type: '', help: '', samples: [] };
      families.set(name, family);
      if (kind === 'HELP') family.help = rest;
      else family.type = rest;
      continue;
    }
    const [, sample = '', labels = '', value = ''] =
      /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/.exec(line) ?? [];
    if (sample === '') throw new Error(`no metric line: ${line}`);
    const series = `${sample}{${labels}}`;
    if (seen.has(series)) throw new Error(`twice: ${series}`);
    seen.add(series);
    const family = families.get(sample) ?? families.get(sample.replace(/_(bucket|sum|count)$/, ''));
    if (!family) throw new Error(`a sample without help and type: ${line}`);
    family.samples.push({
      name: sample,
      labels,
      value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
    });
  }
  return families;
}

const measure = (families: Map<string, Family>, name: string, labels = '') =>
  families.get(name)?.samples.find((sample) => sample.labels === labels)?.value;

describe('/metrics', () => {
  test('each name has help and type, and follows the habits of names', async () => {
    const answer = await asker(house.http)('GET', '/metrics');
    expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const families = read(answer.text);
    for (const [name, { type, help, samples }] of families) {
      expect([name, type]).toEqual([name, expect.stringMatching(/^(counter|gauge|histogram|summary)$/)]);
      expect([name, help.length > 10]).toEqual([name, true]);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      // the process's own come as the library names them
      else if (name.startsWith('zoneferry_')) expect(name).not.toMatch(/_total$/);
      for (const { value } of samples) expect([name, Number.isNaN(value)]).toEqual([name, false]);
    }
    expect([...families.keys()]).toEqual(
      expect.arrayContaining([
        'zoneferry_zone_serial',
        'zoneferry_secondary_serial',
        'zoneferry_secondary_acked',
        'zoneferry_xfr_requests_total',
        'zoneferry_xfr_bytes_total',
        'zoneferry_xfr_duration_seconds',
        'zoneferry_requests_refused_total',
        'zoneferry_notify_sent_total',
        'zoneferry_alias_resolve_total',
        'zoneferry_alias_stale_seconds',
        'zoneferry_guard_held_aliases',
        'zoneferry_jobs',
        'zoneferry_processes_behind',
        'process_cpu_seconds_total',
        'nodejs_heap_size_used_bytes',
      ]),
    );
  });

  test('serials, transfers, NOTIFY, looks and jobs are counted', async () => {
    await house.operator.query(
      `insert into secondaries (name, addresses) values ('local', array['127.0.0.1:9'])`,
    );
    const zone = 'metrics.example.';
    await until('the transfer is allowed', () =>
      axfr({ ...house.dns, zone }).then(
        () => true,
        () => false,
      ),
    );
    const serial = await house.serial(zone);
    await ixfr({ ...house.dns, zone, serial });
    await until('NOTIFY was sent', async () =>
      Number.isFinite(measure(read(await scrape()), 'zoneferry_notify_sent_total', 'result="silent"')),
    );
    // more than the log shows in a second
    const strangers = Array.from({ length: 60 }, () =>
      soa({ ...house.dns, zone: 'nowhere.example.' }).catch(() => {}),
    );
    await Promise.all(strangers);
    const families = read(await scrape());
    expect(measure(families, 'zoneferry_requests_refused_total', 'reason="unknown-zone"')).toBe(60);
    expect(measure(families, 'zoneferry_zone_serial', `zone="${zone}"`)).toBe(serial);
    expect(measure(families, 'zoneferry_secondary_acked', `secondary="local",zone="${zone}"`)).toBe(0);
    expect(measure(families, 'zoneferry_secondary_notifications', 'secondary="local",state="pending"')).toBe(
      1,
    );
    expect(measure(families, 'zoneferry_xfr_requests_total', 'type="AXFR",result="axfr"')).toBe(1);
    expect(measure(families, 'zoneferry_xfr_requests_total', 'type="IXFR",result="up_to_date"')).toBe(1);
    expect(measure(families, 'zoneferry_xfr_bytes_total', 'type="AXFR"')).toBeGreaterThan(100);
    expect(measure(families, 'zoneferry_alias_resolve_total', 'outcome="found"')).toBeGreaterThan(0);
    expect(measure(families, 'zoneferry_alias_stale_seconds')).toBe(0);
    expect(measure(families, 'zoneferry_zones', 'state="published"')).toBe(1);
    expect(measure(families, 'zoneferry_jobs', 'state="failed"')).toBe(0);
    expect(measure(families, 'zoneferry_up', 'which="queue"')).toBe(1);
  });

  test('a target that fails is stale from the end of its TTL on', async () => {
    house.upstream.set('stale.example.net', { A: ['192.0.2.9'], ttl: 1 });
    await house.zone('stale.example.', [['stale.example.', 'ALIAS', 'stale.example.net.']]);
    await house.publishes('stale.example.', 'A', ['192.0.2.9']);
    house.upstream.fail('stale.example.net', 'servfail');
    await until(
      'it is stale',
      async () => (measure(read(await scrape()), 'zoneferry_alias_stale_seconds') ?? 0) > 0,
    );
    expect(measure(read(await scrape()), 'zoneferry_alias_targets', 'state="failing"')).toBe(1);
  });

  test('METRICS_PER_ZONE=off leaves out what grows with the zones', async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    await house.addService(['api'], { METRICS_PER_ZONE: 'off', HTTP_LISTEN: listen });
    const text = await scrape(`http://${listen}`);
    expect(text).not.toContain('zone="');
    expect(measure(read(text), 'zoneferry_zones', 'state="published"')).toBeGreaterThan(0);
  });

  test('an odd zone name does not break the format', async () => {
    await house.zone('a\\"b.example.');
    await until('it is published', async () => (await scrape()).includes('b.example.'));
    expect([...read(await scrape()).keys()].length).toBeGreaterThan(20);
  });
});
