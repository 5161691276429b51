import { tmpdir } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acknowledge, FakeSecondary } from '../notify/fake-secondary.ts';
import { type House, openHouse } from '../support/house.ts';
import { type CommandResult, environmentOf, runCommand } from '../support/service.ts';
import { axfr, ixfr, soa } from '../support/transfer-client.ts';
import { until } from '../support/until.ts';

const ZONE = 'example.com.';

/** Contract, section 8: a secondary that holds a serial newer than ours takes no change until we go past it. */
describe('a secondary ahead of us', () => {
  let house: House;
  let fake: FakeSecondary;

  beforeEach(async () => {
    house = await openHouse();
    fake = await FakeSecondary.start();
    await house.operator.query('insert into secondaries (name, addresses) values ($1, $2)', [
      'ns1',
      [`127.0.0.1:${fake.endpoint.port}`],
    ]);
    await house.zone(ZONE, [['www.example.com.', 'A', '192.0.2.1']]);
    await until('a first version', async () => (await house.serial(ZONE)) === 1);
    await heard(1);
  });

  afterEach(async () => {
    await house.close();
    await fake.close();
  });

  test('that shows it to an IXFR over TCP is passed at once, by a change of the SOA alone, and told', async () => {
    expect((await show(50)).result).toMatchObject({ kind: 'up-to-date' });
    await heard(51);
    expect((await soa({ ...house.dns, zone: ZONE })).serial).toBe(51);
    expect((await ixfr({ ...house.dns, zone: ZONE, serial: 1 })).result).toMatchObject({
      kind: 'ixfr',
      steps: [{ deleted: [], added: [] }],
    });
    expect(house.lines).toContain(
      'ns1 has example.com. at serial 50, newer than ours, 1, and would take no change: publishing past it',
    );
    await house.operator.query(`update records set content = '192.0.2.2' where name = 'www.example.com.'`);
    await heard(52);
  });

  test('is not believed by datagram alone, which anybody can send in its name', async () => {
    await ixfr({ ...house.dns, zone: ZONE, serial: 50, transport: 'udp' });
    await pause(700);
    expect(await house.serial(ZONE)).toBe(1);
    expect(await noted()).toEqual([]);
  });

  test('that is far ahead waits for the operator: said with the command, which walks there', async () => {
    const far = 1 + 2 ** 30;
    await show(far);
    const command = `zoneferry zone serial example.com. --after ${far}`;
    await until('the line with the command', async () => house.lines.some((line) => line.includes(command)));
    await pause(700);
    expect(await house.serial(ZONE)).toBe(1);
    expect(await noted()).toEqual([{ secondary: 'ns1', serial: String(far) }]);
    expect(await cli('zone', 'serial', 'example.com', '--after', String(far), '--json')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`"serial": ${far + 1}`),
    });
    await heard(far + 1);
    expect(await cli('zone', 'serial', 'example.com', '--after', String(far))).toMatchObject({
      status: 0,
      stdout: `zone example.com. is at serial ${far + 1}, past ${far} already\n`,
    });
  });

  test('at half the ring is reached in two steps, the second once the first is answered (RFC 1982, section 3.1)', async () => {
    const half = 1 + 2 ** 31;
    fake.mute();
    const impatient = await cli('zone', 'serial', ZONE, '--after', String(half), '--wait', '1');
    expect(impatient).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/at serial 2147483648, half-way, and ns1 has not answered it/),
    });
    expect(await house.serial(ZONE)).toBe(2 ** 31);
    fake.reply = ({ message }) => [acknowledge(message)];
    expect(await cli('zone', 'serial', ZONE, '--after', String(half))).toMatchObject({ status: 0 });
    expect(await house.serial(ZONE)).toBe(half + 1);
    await heard(half + 1);
  });

  test('that takes a version of ours whole is ahead no more', async () => {
    await show(2 ** 31 - 1);
    await until('it is noted', async () => (await noted()).length === 1);
    await axfr({ ...house.dns, zone: ZONE });
    await until('it is forgotten', async () => (await noted()).length === 0);
  });

  function show(serial: number) {
    return ixfr({ ...house.dns, zone: ZONE, serial });
  }

  async function heard(serial: number): Promise<void> {
    await until(
      `NOTIFY of serial ${serial}`,
      async () => fake.received.some((notify) => notify.zone === ZONE && notify.serial === serial),
      { explain: () => house.lines.slice(-10).join('\n') },
    );
  }

  async function noted(): Promise<{ secondary: string; serial: string }[]> {
    const { rows } = await house.operator.query(
      'select s.name as secondary, a.serial from serials_ahead a join secondaries s on s.id = a.secondary_id',
    );
    return rows;
  }

  function cli(...args: string[]): Promise<CommandResult> {
    const environment = environmentOf({ DATABASE_URL: house.databaseUrl });
    return runCommand(args, { folder: tmpdir(), environment });
  }
});
