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

  it('are left for others by those who never give theirs back, many as they are', () => {
    const slots = new FairSlots(64, 32);
    const held = ['a', 'b', 'c', 'd', 'e'].map((key) => {
      let places = 0;
      while (slots.tryAcquire(key)) places++;
      return places;
    });
    expect(held).toEqual([32, 16, 8, 4, 2]);
    expect(slots.tryAcquire('late')).toBeTypeOf('function');
  });

  it('are all given out where there is no bound for each key', () => {
    const slots = new FairSlots(4);
    for (let place = 0; place < 4; place++) expect(slots.tryAcquire('a')).toBeTypeOf('function');
    expect(slots.tryAcquire('b')).toBeUndefined();
  });

  it('come to all who wait and may have one again', async () => {
    const slots = new FairSlots(4, 3);
    const a = [slots.tryAcquire('a'), slots.tryAcquire('a')];
    const b = slots.tryAcquire('b');
    // one is free, and each of them holds as many or more
    const given: string[] = [];
    const waiting = ['a', 'b', 'b'].map(async (key) => {
      const release = await slots.acquire(key, 10_000);
      given.push(key);
      release!();
    });
    a[0]!();
    b!();
    a[1]!();
    await Promise.all(waiting);
    expect(given.sort()).toEqual(['a', 'b', 'b']);
    expect(['c', 'd', 'e', 'f'].map((key) => typeof slots.tryAcquire(key))).toEqual(
      Array(4).fill('function'),
    );
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
