import { describe, expect, it } from 'vitest';
import { FairSlots } from '../../src/transfer/slots.ts';

describe('places given out in turn', () => {
  it('are bounded in all and for each key', async () => {
    const slots = new FairSlots(3, 2);
    expect(await slots.acquire('a', 0)).toBeTypeOf('function');
    expect(await slots.acquire('a', 0)).toBeTypeOf('function');
    expect(await slots.acquire('a', 1)).toBeUndefined();
    expect(await slots.acquire('b', 0)).toBeTypeOf('function');
    expect(await slots.acquire('c', 1)).toBeUndefined();
  });

  it('go to one key after the other', async () => {
    const slots = new FairSlots(1);
    const first = await slots.acquire('a', 0);
    const order: string[] = [];
    const waiting = ['a', 'a', 'a', 'b', 'c', 'b'].map(async (key) => {
      const release = await slots.acquire(key, 1000);
      order.push(key);
      release!();
    });
    first!();
    await Promise.all(waiting);
    expect(order).toEqual(['a', 'b', 'c', 'a', 'b', 'a']);
  });

  it('come back once, however often they are released', async () => {
    const slots = new FairSlots(1);
    const release = await slots.acquire('a', 0);
    release!();
    release!();
    expect(await slots.acquire('a', 0)).toBeTypeOf('function');
    expect(await slots.acquire('a', 1)).toBeUndefined();
  });

  it('are not given to those who have left', async () => {
    const slots = new FairSlots(1);
    const release = await slots.acquire('a', 0);
    const leaving = new AbortController();
    const left = slots.acquire('b', 1000, leaving.signal);
    const patient = slots.acquire('b', 1000);
    leaving.abort();
    expect(await left).toBeUndefined();
    release!();
    expect(await patient).toBeTypeOf('function');
    expect(await slots.acquire('b', 0, AbortSignal.abort())).toBeUndefined();
  });
});
