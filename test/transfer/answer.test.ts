import { describe, expect, it } from 'vitest';
import { type Answer, decideAnswer } from '../../src/transfer/answer.ts';
import type { JournalStep, PublishedZone } from '../../src/zone/version.ts';
import { MemoryZones } from '../support/memory-zones.ts';

const ZONE = 'example.com.';
const OLD = ['@ 300 A 192.0.2.1'];
const NEW = ['@ 300 A 192.0.2.2'];

async function changed(): Promise<{ zone: PublishedZone; steps: JournalStep[] }> {
  const zones = new MemoryZones();
  zones.add(ZONE, OLD, 10);
  zones.change(ZONE, { delete: OLD, add: NEW });
  zones.change(ZONE, { delete: NEW, add: OLD });
  const zone = zones.change(ZONE, { delete: OLD, add: NEW });
  return { zone, steps: (await zones.history(zone.zoneId, 10, 13, 1e6))! };
}

async function decide(zone: PublishedZone, steps: JournalStep[], serial = 10): Promise<Answer> {
  return await decideAnswer({ kind: 'IXFR', serial }, zone, 'tcp', {
    history: async () => steps,
    isLarger: async () => true,
  });
}

describe('a history is given only where it is exact (RFC 1995, 4)', () => {
  it('from the serial of the client to the SOA served', async () => {
    const { zone, steps } = await changed();
    expect(await decide(zone, steps)).toMatchObject({ kind: 'incremental', from: 10 });
  });

  it.each([
    ['starts elsewhere', (steps: JournalStep[]) => steps.slice(1)],
    ['ends early', (steps: JournalStep[]) => steps.slice(0, -1)],
    ['has a gap', (steps: JournalStep[]) => [steps[0]!, steps[2]!]],
    ['is empty', () => []],
    [
      'has another SOA between two steps',
      ([first, ...rest]: JournalStep[]) => [{ ...first!, newSoaTtl: first!.newSoaTtl + 1 }, ...rest],
    ],
    [
      'ends at another SOA than the one served',
      (steps: JournalStep[]) => [...steps.slice(0, -1), { ...steps.at(-1)!, newSoa: steps[0]!.newSoa }],
    ],
  ])('not where it %s', async (_, broken) => {
    const { zone, steps } = await changed();
    expect(await decide(zone, broken(steps))).toEqual({ kind: 'full', because: 'no-history' });
  });

  it('and the store is asked for none by a client that is up to date or ahead', async () => {
    const { zone } = await changed();
    const evidence = {
      history: () => Promise.reject(new Error('asked')),
      isLarger: () => Promise.reject(new Error('asked')),
    };
    for (const serial of [13, 14, 10 + 0x7fffffff]) {
      const answer = await decideAnswer({ kind: 'IXFR', serial }, zone, 'tcp', evidence);
      expect(answer.kind).toBe('singleSoa');
    }
  });
});
