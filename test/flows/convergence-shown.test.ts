import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asker } from '../http/support.ts';
import { LyingSecondary } from '../notify/lying-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { environmentOf, runCommand } from '../support/service.ts';
import { axfr } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const [GOOD, BAD] = ['good.test.', 'bad.test.'];

describe('what is known of secondaries is shown', () => {
  let house: House;
  let ns1: LyingSecondary;
  let ns2: LyingSecondary;

  beforeAll(async () => {
    house = await openHouse();
    ns1 = await LyingSecondary.start();
    ns2 = await LyingSecondary.start();
    ns1.follows = true;
    for (const zone of [GOOD, BAD]) ns1.contents.set(`${zone} NS`, [`ns1.${zone}`]);
    ns2.notifyRcode = 5;
    await house.operator.query(
      `insert into secondaries (name, addresses, zones) values ('ns1', $1, null), ('ns2', $2, array['bad.test.'])`,
      [[ns1.address], [ns2.address]],
    );
    await house.zone(GOOD);
    await house.zone(BAD);
    await until('both have said what they say', async () => {
      const { secondaries } = (await status()).data;
      const [one, two] = secondaries;
      return one?.convergence?.converged === 2 && two?.convergence?.refusing === 1;
    });
  });
  afterAll(async () => {
    await house?.close();
    await ns1?.close();
    await ns2?.close();
  });

  test('GET /v1/status and zoneferry status name what does not converge, and why', async () => {
    const { data } = await status();
    expect(data.totals).toMatchObject({ notConverged: 1 });
    expect(data.convergence).toMatchObject([
      {
        zone: BAD,
        secondary: 'ns2',
        state: 'refusing',
        rcode: 5,
        words:
          'answers NOTIFY with REFUSED: our address or key is not among its primaries, or it does not have the zone',
      },
    ]);
    const { stdout } = await cli('status');
    expect(stdout).toMatch(/ns1 .*2 converged/);
    expect(stdout).toMatch(/ns2 .*1 refusing/);
    expect(stdout).toMatch(/ns2 +bad\.test\. +1 +refusing +answers NOTIFY with REFUSED/);
    expect(JSON.parse((await cli('status', '--json')).stdout)).toMatchObject({
      convergence: [{ zone: BAD, state: 'refusing' }],
      totals: { notConverged: 1 },
    });
  });

  test('secondary show and /v1/secondaries/{id} count, and list zone by zone', async () => {
    const shown = await cli('secondary', 'show', 'ns1');
    expect(shown.stdout).toMatch(/2 zones: 2 converged/);
    expect(shown.stdout).toMatch(/good\.test\. +1 +1 +converged +serves 1, seen/);
    const ask = asker(house.http);
    expect((await ask('GET', '/v1/secondaries/ns2')).body.data.convergence).toMatchObject({
      refusing: 1,
      converged: 0,
    });
    const page = (await ask('GET', '/v1/secondaries/ns1/zones?limit=1')).body;
    expect(page).toMatchObject({ total: 2, next: BAD, data: [{ zone: BAD, state: 'converged', serial: 1 }] });
    const next = (await ask('GET', `/v1/secondaries/ns1/zones?limit=1&after=${page.next}`)).body;
    expect(next).toMatchObject({ total: 2, next: null, data: [{ zone: GOOD }] });
    expect((await ask('GET', '/v1/secondaries/ns1/zones?state=open')).body).toMatchObject({
      data: [],
      total: 0,
    });
  });

  test('/v1/zones/{zone}/convergence says whether a zone is everywhere', async () => {
    const ask = asker(house.http);
    const good = (await ask('GET', '/v1/zones/good.test/convergence')).body.data;
    expect(good).toMatchObject({
      converged: true,
      secondaries: [{ secondary: 'ns1', state: 'converged' }],
      history: [{ secondary: 'ns1', serial: 1 }],
    });
    expect((await ask('GET', '/v1/zones/bad.test/convergence')).body.data).toMatchObject({
      converged: false,
    });
  });

  test('resync --wait --converged returns when all serve it, or says who does not and why', async () => {
    const good = await cli('resync', 'good.test', '--wait', '--converged', '--json');
    expect(good.status, good.stderr).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ converged: true, notConverged: [] });
    const bad = await cli('resync', 'bad.test', '--wait', '--converged', '--within', '1', '--json');
    expect(bad.status).toBe(1);
    expect(JSON.parse(bad.stdout)).toMatchObject({ converged: false, notConverged: [{ secondary: 'ns2' }] });
    expect(bad.stderr).toMatch(/ns2 bad\.test\. 1: refusing: answers NOTIFY with REFUSED/);
    expect(bad.stderr).toMatch(/error: 1 zone is not served by a secondary 1 s after/);
    expect((await cli('resync', '--converged')).status).toBe(2);
  });

  test('change to visible is a histogram and points over time; the serial is what was seen', async () => {
    const ask = asker(house.http);
    const text = await until('the histogram', async () => {
      const { text } = await ask('GET', '/metrics');
      return text.includes('zoneferry_change_to_visible_seconds_count{secondary="ns1"} 2') && text;
    });
    expect(text).toMatch(/zoneferry_change_to_visible_seconds_bucket\{secondary="ns1",le="\+Inf"\} 2/);
    expect(text).toContain('zoneferry_secondary_serial{secondary="ns1",zone="good.test."} 1');
    expect(text).not.toContain('zoneferry_secondary_serial{secondary="ns2"');
    expect(text).toContain('zoneferry_secondary_zones{secondary="ns2",state="refusing"} 1');
    const answer = await ask('GET', '/v1/status/visible?minutes=60&step=60');
    expect(answer.status, answer.text).toBe(200);
    const points = answer.body.data;
    const changes = points
      .filter((point: { secondary: string }) => point.secondary === 'ns1')
      .reduce((sum: number, point: { changes: number }) => sum + point.changes, 0);
    expect(changes).toBe(2);
    for (const { p50, p99, max } of points) {
      expect(p50).toBeLessThanOrEqual(p99);
      expect(p99).toBeLessThanOrEqual(max);
    }
  });

  test('who is refused is kept, with what would let them in', async () => {
    await house.operator.query(
      `insert into tsig_keys (name, secret) values ('k1', 'c2VjcmV0IHNlY3JldCBzZWNyZXQ=')`,
    );
    const secret = Buffer.from('c2VjcmV0IHNlY3JldCBzZWNyZXQ=', 'base64');
    await axfr({ ...house.dns, zone: 'nowhere.test.' }).catch(() => {});
    await axfr({
      ...house.dns,
      zone: GOOD,
      key: { name: Buffer.from('\x02k2\x00', 'latin1'), algorithm: 'hmac-sha256', secret },
    }).catch(() => {});
    const refusals = await until('both are kept', async () => {
      const { refusals } = (await status()).data;
      return refusals.length >= 2 && refusals;
    });
    expect(refusals).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          address: '127.0.0.1',
          zone: 'nowhere.test.',
          reason: 'unknown-zone',
          advice: expect.stringContaining('there is no zone nowhere.test. here'),
        }),
        expect.objectContaining({
          key: 'k2.',
          zone: GOOD,
          reason: 'bad-key',
          advice:
            'good.test. is for ns1; zoneferry key add k2 --secret BASE64 and zoneferry secondary set ns1 --key k2 take that key too',
        }),
      ]),
    );
    expect((await asker(house.http)('GET', '/v1/status/refusals')).body.total).toBe(refusals.length);
    expect((await cli('status')).stdout).toMatch(/127\.0\.0\.1 key k2\. +AXFR good\.test\. +1 /);
  });

  async function status() {
    const { body } = await asker(house.http)('GET', '/v1/status');
    return body;
  }

  function cli(...args: string[]) {
    const environment = environmentOf({ DATABASE_URL: house.databaseUrl });
    return runCommand(args, { folder: tmpdir(), environment });
  }
});
