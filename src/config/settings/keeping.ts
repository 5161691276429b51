import { oneOf, wholeNumber } from '../parsers.ts';
import type { Setting } from './setting.ts';

/** Serials, and how long what is past is kept. */
export const keepingSettings = {
  serialPolicy: {
    name: 'SERIAL_POLICY',
    unit: 'increment, date (YYYYMMDDnn, UTC) or unixtime',
    default: 'increment',
    help: 'How serials grow; a zone may have a policy of its own.',
    ...oneOf('increment', 'date', 'unixtime'),
  },
  journalVersions: {
    name: 'JOURNAL_VERSIONS',
    unit: 'versions',
    default: '1000',
    help: 'Changes of one zone that are kept for IXFR at most; a secondary that is further behind gets the whole zone.',
    ...wholeNumber('versions', 1, 10_000),
  },
  journalBytes: {
    name: 'JOURNAL_BYTES',
    unit: 'bytes',
    default: '67108864',
    help: 'Bytes of changed records of one zone that are kept for IXFR at most.',
    ...wholeNumber('bytes', 0, 2 ** 40),
  },
  journalDays: {
    name: 'JOURNAL_DAYS',
    unit: 'days',
    default: '30',
    help: 'How long a change is kept for IXFR at most.',
    ...wholeNumber('days', 1, 3_650),
  },
  ledgerDays: {
    name: 'LEDGER_DAYS',
    unit: 'days',
    default: '7',
    help: 'How long it is kept when each serial was seen at which secondary.',
    ...wholeNumber('days', 1, 3_650),
  },
  ledgerRows: {
    name: 'LEDGER_ROWS',
    unit: 'rows',
    default: '1000000',
    help: 'Serials seen at secondaries that are kept at most, all zones together.',
    ...wholeNumber('rows', 1_000, 1_000_000_000),
  },
  tombstoneDays: {
    name: 'TOMBSTONE_DAYS',
    unit: 'days',
    default: '730',
    help: 'How long the last serial of a deleted zone is remembered, so that one made again by that name starts past it.',
    ...wholeNumber('days', 1, 36_500),
  },
} as const satisfies Record<string, Setting<unknown>>;
