import type { Target } from './target.ts';

/** Parsers with the faults that the search is to find, by the word for it. They are in no list. */
export const faulty: Readonly<Record<string, Target>> = {
  'self-test-throws': {
    about: 'throws',
    run: () => {
      throw new Error('as it should');
    },
  },
  'self-test-hangs': {
    about: 'never ends',
    run: () => {
      for (;;);
    },
  },
  'self-test-fills': {
    about: 'takes all memory',
    run: () => {
      const held: unknown[] = [];
      for (;;) held.push(new Array(1_000_000).fill(0.5));
    },
  },
  'self-test-aborts': {
    about: 'ends the process',
    run: () => process.abort(),
  },
};
