import { describe, expect, it } from 'vitest';
import { frame } from '../../src/dns/framer.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { TYPE } from '../../src/dns/types.ts';
import { Report } from '../../src/transfer/report.ts';
import { makeKey } from '../support/memory-zones.ts';
import { axfr, exchange, ixfr, soa, TestConnection } from '../support/transfer-client.ts';
import { KeptLog, SMALL_ZONE, startServer, until } from './harness.ts';

const PEER = { address: '::ffff:192.0.2.1', port: 5353, transport: 'udp' as const };

describe('refusals in the log', () => {
  it('have client, words and reason', () => {
    const log = new KeptLog();
    new Report(log, { now: () => 0 }).refused(PEER, { reason: 'malformed', detail: 'it is broken' });
    expect(log.lines).toEqual([
      {
        level: 'warn',
        fields: { peer: '192.0.2.1#5353', transport: 'udp', rcode: 'FORMERR', reason: 'malformed' },
        message: 'client 192.0.2.1#5353: request denied: it is broken (FORMERR)',
      },
    ]);
  });

  it('are so many a second, and the rest is counted', () => {
    const log = new KeptLog();
    let now = 1000;
    const report = new Report(log, { now: () => now });
    for (let n = 0; n < 1000; n++) report.refused(PEER, { reason: 'malformed', detail: 'noise' });
    expect(log.lines).toHaveLength(50);
    now = 2000;
    report.turnedAway(PEER, 'noise');
    expect(log.lines.at(-1)?.fields).toMatchObject({ hidden: 950 });
  });
});

describe('an answer in the log', () => {
  const ZONE = 'example.com.';
  const key = makeKey('transfer-key.');

  /** A server with a zone that has changed once, and what it logs of `ask`: once the last line is there. */
  async function logged(
    ask: (at: { host: string; port: number; zone: string; key: typeof key }) => Promise<unknown>,
    last: string,
  ) {
    const { at, zones, registry, log } = await startServer();
    registry.add('ns1', { keys: [key] });
    zones.add(ZONE, SMALL_ZONE, 10);
    zones.change(ZONE, { delete: ['@ 300 A 192.0.2.1'], add: ['@ 300 A 192.0.2.2'] });
    const result = await ask({ ...at, zone: ZONE, key });
    await until(() => log.find(last) !== undefined);
    // the port and the time it took are another each time; the fields and the words agree
    const lines = log.lines.map(({ level, fields, message }) => {
      const { peer, ms, ...rest } = fields;
      expect(peer).toMatch(/^127\.0\.0\.1#\d+$/);
      expect(message).toContain(`client ${peer}/key transfer-key (ns1): transfer of 'example.com/IN': `);
      if (message.includes(' secs')) expect(message).toContain(`, ${(Number(ms) / 1000).toFixed(3)} secs`);
      return {
        level,
        ...rest,
        line: message.replace(/^.*?'example.com\/IN': /, '').replace(/[\d.]+ secs/, 'n secs'),
      };
    });
    return { lines, result };
  }

  const COMMON = { zone: ZONE, secondary: 'ns1', transport: 'tcp', key: 'transfer-key.' };

  it('AXFR: started and ended, with who, what, which serial and how much', async () => {
    const { lines, result } = await logged((at) => axfr(at), 'ended');
    const { octets: bytes } = result as { octets: number };
    const fields = { ...COMMON, asked: 'AXFR', given: 'AXFR', serial: 11 };
    expect(lines).toEqual([
      { level: 'info', ...fields, line: 'AXFR started: TSIG transfer-key. (serial 11)' },
      {
        ...{ level: 'info', ...fields, messages: 1, records: 10, bytes },
        line: `AXFR ended: 1 messages, 10 records, ${bytes} bytes, n secs (serial 11)`,
      },
    ]);
  });

  it('IXFR: from which serial to which', async () => {
    const { lines, result } = await logged((at) => ixfr({ ...at, serial: 10 }), 'ended');
    const { octets: bytes } = result as { octets: number };
    const fields = { ...COMMON, asked: 'IXFR', given: 'IXFR', fromSerial: 10, serial: 11 };
    expect(lines).toEqual([
      { level: 'info', ...fields, line: 'IXFR started: TSIG transfer-key. (serial 10 -> 11)' },
      {
        ...{ level: 'info', ...fields, messages: 1, records: 6, bytes },
        line: `IXFR ended: 1 messages, 6 records, ${bytes} bytes, n secs (serial 10 -> 11)`,
      },
    ]);
  });

  it('AXFR-style IXFR: what was asked beside what was given, and why', async () => {
    const { lines } = await logged((at) => ixfr({ ...at, serial: 3 }), 'ended');
    const fields = { asked: 'IXFR', given: 'AXFR-style IXFR', fromSerial: 3, serial: 11 };
    expect(lines).toMatchObject([
      {
        ...fields,
        line: 'AXFR-style IXFR started: TSIG transfer-key. (serial 3 -> 11): IXFR version not in journal, falling back to AXFR',
      },
      { ...fields, messages: 1, records: 10 },
    ]);
  });

  it('a poll: that there was nothing to give, and why, for who looks at it', async () => {
    const newest = await logged((at) => ixfr({ ...at, serial: 11 }), 'answered');
    expect(newest.lines).toMatchObject([
      { level: 'info', given: 'up-to-date', fromSerial: 11, serial: 11 },
      { level: 'debug', given: 'up-to-date', messages: 1, records: 1 },
    ]);
    const ahead = await logged((at) => ixfr({ ...at, serial: 12 }), 'answered');
    expect(ahead.lines[0]?.line).toBe(
      "IXFR poll up-to-date: TSIG transfer-key. (serial 12 -> 11): the client's serial is newer than ours",
    );
    const asked = await logged((at) => soa({ ...at, transport: 'tcp' }), 'answered');
    expect(asked.lines).toMatchObject([{ level: 'debug', asked: 'SOA', given: 'SOA', serial: 11 }]);
  });

  it('a client that leaves: how far it came, and why it ended', async () => {
    const { at, zones, registry, log } = await startServer();
    registry.add('ns1');
    zones.add(
      'large.test.',
      Array.from({ length: 100_000 }, (_, n) => `h${n} 300 TXT "${'x'.repeat(60)}"`),
      4,
    );
    const connection = await TestConnection.open(at);
    connection.socket.pause();
    connection.socket.write(frame(buildQuery({ id: 1, name: absoluteName('large.test.'), type: TYPE.AXFR })));
    await until(() => log.find('AXFR started') !== undefined);
    connection.destroy();
    await until(() => log.find('failed after') !== undefined);
    const line = log.find('failed after');
    expect(line?.level).toBe('warn');
    expect(line?.fields).toMatchObject({ zone: 'large.test.', asked: 'AXFR', given: 'AXFR', serial: 4 });
    expect(line?.message).toBe(
      `client ${line?.fields.peer} (ns1): transfer of 'large.test/IN': AXFR failed after ${line?.fields.messages} messages, ` +
        `${line?.fields.records} records, ${line?.fields.bytes} bytes, ${(Number(line?.fields.ms) / 1000).toFixed(3)} secs: ` +
        `${line?.fields.reason}; connection closed`,
    );
  });

  it('a refusal: what was asked, by whom, with which key, and what an operator has to change', async () => {
    const { at, zones, registry, log } = await startServer();
    registry.add('ns1', { keys: [key], zones: new Set(['other.example.']) });
    zones.add(ZONE, SMALL_ZONE);
    await exchange(at, buildQuery({ id: 1, name: absoluteName(ZONE), type: TYPE.AXFR }), 'tcp');
    await expect(axfr({ ...at, zone: ZONE, key })).rejects.toThrow();
    const said = log.lines.map(({ fields: { peer, ...fields }, message }) => ({
      ...fields,
      line: message.replace(String(peer), 'PEER'),
    }));
    const fields = { transport: 'tcp', zone: ZONE, asked: 'AXFR', rcode: 'REFUSED' };
    expect(said).toEqual([
      {
        ...fields,
        reason: 'key-expected',
        line: "client PEER: zone transfer 'example.com/AXFR/IN' denied: secondary ns1 has a key, and the request is not signed (REFUSED)",
      },
      {
        ...fields,
        key: 'transfer-key.',
        reason: 'zone-not-allowed',
        line: "client PEER/key transfer-key: zone transfer 'example.com/AXFR/IN' denied: secondary ns1 may not transfer example.com. (REFUSED)",
      },
    ]);
  });
});
