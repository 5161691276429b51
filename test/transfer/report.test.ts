import { describe, expect, it } from 'vitest';
import { Report } from '../../src/transfer/report.ts';
import { KeptLog } from './harness.ts';

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
