import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestStore, testStore } from '../support/store.ts';

let store: TestStore;
beforeAll(async () => {
  store = await testStore();
});
afterAll(() => store.close());

interface Known {
  verified?: boolean;
  /** Seconds since the first NOTIFY of the row's serial; none: there is no row. */
  told?: number;
  serial?: number;
  shown?: number;
  serving?: boolean;
  differs?: string;
  seenRcode?: number;
  seenError?: string;
  misses?: number;
  /** The outbox: default not answered yet. */
  acked?: boolean;
  rcode?: number;
  error?: string;
  attempts?: number;
}

/** We publish 10. */
const CASES: [string, Known, string][] = [
  ['nobody asks', { verified: false, told: 900 }, 'not checked'],
  ['nobody asks, though it was ahead once', { verified: false, told: 900, shown: 50 }, 'not checked'],
  ['not told yet', {}, 'converging'],
  ['told, and an older serial was done', { serial: 9, told: 900, serving: true, shown: 9 }, 'converging'],
  ['just answered', { told: 1, acked: true }, 'converging'],
  ['shows an older serial', { told: 59, acked: true, shown: 9, misses: 2 }, 'converging'],
  ['shows an older serial for long', { told: 61, acked: true, shown: 9, misses: 2 }, 'lagging'],
  ['waits long for its turn', { serial: 9, told: 900, shown: 9 }, 'converging'],
  ['serves it', { told: 1, acked: true, shown: 10, serving: true }, 'converged'],
  [
    'serves it, and never answered NOTIFY',
    { told: 900, shown: 10, serving: true, error: 'silence', attempts: 9 },
    'converged',
  ],
  ['serves it and refuses NOTIFY', { told: 900, shown: 10, serving: true, rcode: 5 }, 'converged'],
  ['serves it, but not that', { told: 1, shown: 10, serving: true, differs: 'a.test. A' }, 'different'],
  [
    'served an older one that differed',
    { serial: 9, told: 1, shown: 9, serving: true, differs: 'a.test. A' },
    'converging',
  ],
  ['refuses NOTIFY', { told: 1, rcode: 5, error: 'refused with REFUSED' }, 'refusing'],
  ['refuses a query once', { told: 1, acked: true, seenRcode: 5, misses: 1 }, 'converging'],
  ['refuses queries', { told: 1, acked: true, seenRcode: 5, misses: 2 }, 'refusing'],
  ['does not answer NOTIFY yet', { told: 1, error: 'no reply', attempts: 2 }, 'converging'],
  ['does not answer NOTIFY', { told: 1, error: 'no reply', attempts: 3 }, 'silent'],
  ['does not answer NOTIFY, but queries', { told: 61, error: 'no reply', attempts: 9, shown: 9 }, 'lagging'],
  ['does not answer queries', { told: 1, acked: true, seenError: 'no reply', misses: 3 }, 'silent'],
  ['is ahead', { told: 1, acked: true, shown: 11 }, 'ahead'],
  ['is ahead, half the ring', { told: 1, acked: true, shown: 10 + 2 ** 31 }, 'ahead'],
  ['is ahead, over the end of the ring', { told: 1, acked: true, shown: 2 ** 31 }, 'ahead'],
  ['is behind, over the end of the ring', { told: 61, acked: true, shown: 4294967290 }, 'lagging'],
];

test.each(CASES)('%s', async (_, known, state) => {
  const { rows } = await store.pool.query(
    `select zoneferry_state($1, 10, case when $2::float8 is not null then row(1, 1, $3::bigint, now(), now() - $2 * interval '1 second', null, null, null,
       null, null, null, null, null, case when $4 then now() end, null, now(), $5::bigint, $6::integer, $7::text, $8::text, null, $9::integer, null)::convergence end,
       $10, $11::integer, $12::text, $13::integer, now()) as state`,
    [
      known.verified ?? true,
      known.told ?? null,
      known.serial ?? 10,
      known.serving ?? false,
      known.shown ?? null,
      known.seenRcode ?? null,
      known.seenError ?? null,
      known.differs ?? null,
      known.misses ?? 0,
      known.acked ?? false,
      known.rcode ?? null,
      known.error ?? null,
      known.attempts ?? 1,
    ],
  );
  expect(rows[0].state).toBe(state);
});
