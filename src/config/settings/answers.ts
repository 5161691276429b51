import { oneOf, share, wholeNumber } from '../parsers.ts';
import type { Setting } from './setting.ts';

const DAY = 86_400;

/** What an answer does to the zones that follow it. */
export const answerSettings = {
  negativeHold: {
    name: 'NEGATIVE_HOLD',
    unit: 'seconds',
    default: '900',
    help: 'How long the last known addresses outlive "no such name" or "no data" for both families.',
    ...wholeNumber('seconds', 0, 365 * DAY),
  },
  emptyTarget: {
    name: 'EMPTY_TARGET',
    unit: 'withdraw or hold',
    default: 'withdraw',
    help: 'What comes after NEGATIVE_HOLD: the last known addresses go, or they stay for ever.',
    ...oneOf('withdraw', 'hold'),
  },
  maxStale: {
    name: 'MAX_STALE',
    unit: 'seconds',
    default: '0',
    help: 'How long addresses are held while looks fail; 0: for as long as it takes.',
    ...wholeNumber('seconds', 0, 365 * DAY),
  },
  onStale: {
    name: 'ON_STALE',
    unit: 'fallback, keep or withdraw',
    default: 'fallback',
    help: "What comes after MAX_STALE: the record's fallback addresses stand in where it has some, the last known ones stay, or they go.",
    ...oneOf('fallback', 'keep', 'withdraw'),
  },
  rotationLooks: {
    name: 'ROTATION_LOOKS',
    unit: 'looks',
    default: '10',
    help: 'An address of a rotating target counts as gone when so many looks in a row were without it, and ROTATION_WINDOW is over.',
    ...wholeNumber('looks', 2, 1_000),
  },
  rotationWindow: {
    name: 'ROTATION_WINDOW',
    unit: 'seconds',
    default: '60',
    help: 'How long an address of a rotating target must be unseen to count as gone.',
    ...wholeNumber('seconds', 0, DAY),
  },
  rotationFloor: {
    name: 'ROTATION_FLOOR',
    unit: 'seconds',
    default: '300',
    help: 'The least time between two changes that one rotating target causes; a clean break to other addresses does not wait.',
    ...wholeNumber('seconds', 0, DAY),
  },
  publishPrivate: {
    name: 'PUBLISH_PRIVATE',
    unit: 'on or off',
    default: 'on',
    help: 'Whether private addresses of targets are published: 10/8, 172.16/12, 192.168/16, 100.64/10 and fc00::/7.',
    ...oneOf('on', 'off'),
  },
  publishDocumentation: {
    name: 'PUBLISH_DOCUMENTATION',
    unit: 'on or off',
    default: 'on',
    help: 'Whether addresses set aside for documentation (RFC 5737, 3849, 9637) are published.',
    ...oneOf('on', 'off'),
  },
  guardEmpty: {
    name: 'GUARD_EMPTY',
    unit: 'percent, or off',
    default: '20%',
    help: 'The share of all ALIAS records that may lose all addresses in one incident; more is held until the targets answer or --force.',
    ...share(),
  },
  guardChange: {
    name: 'GUARD_CHANGE',
    unit: 'percent, or off',
    default: '50%',
    help: 'The share that may change at once where another of RESOLVERS says otherwise; with one resolver no disagreement can be seen.',
    ...share(),
  },
  guardApex: {
    name: 'GUARD_APEX',
    unit: 'on or off',
    default: 'off',
    help: "Whether an ALIAS at a zone's own name keeps its last addresses until --force.",
    ...oneOf('on', 'off'),
  },
} as const satisfies Record<string, Setting<unknown>>;
