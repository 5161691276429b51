import { describe, expect, it } from 'vitest';
import type { MessageStream } from '../../src/transfer/image.ts';
import { type ImageBounds, Images } from '../../src/transfer/images.ts';
import type { PublishedZone } from '../../src/zone/version.ts';
import { MemoryZones } from '../support/memory-zones.ts';
import { SMALL_ZONE, until } from './harness.ts';

function make(bounds: Partial<ImageBounds> = {}, hasHistory = false): { zones: MemoryZones; images: Images } {
  const zones = new MemoryZones();
  zones.batch = 100;
  const all = { imageBytes: 1e6, lingeringBytes: 1e6, renderings: 2, sourceMs: 500, ...bounds };
  // Without a history every version is rendered anew; what is patched is tested in patch.test.ts.
  const history = (zone: PublishedZone, from: number) => zones.history(zone.zoneId, from, zone.serial, 1e6);
  return { zones, images: new Images(zones, all, hasHistory ? history : async () => undefined) };
}

function lines(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `h${n} 300 TXT "${'x'.repeat(60)}"`);
}

async function readAll(stream: MessageStream): Promise<number> {
  let answers = 0;
  for (let index = 0; ; index++) {
    const message = await stream.at(index);
    if (message === undefined) break;
    answers += message.answers;
  }
  stream.close();
  return answers;
}

/** Octets of a version that is opened for it, once. */
async function sizeOf(images: Images, zone: PublishedZone): Promise<number> {
  let size = 0;
  while (await images.isLarger(zone, size)) size++;
  return size;
}

const noCut = (why: string): never => {
  throw new Error(why);
};

describe('rendered versions', () => {
  it('are rendered once for all who come, also while it is under way', async () => {
    const { zones, images } = make();
    const zone = zones.add('a.test.', lines(500));
    const streams = await Promise.all([images.open(zone, noCut), images.open(zone, noCut)]);
    expect(await Promise.all(streams.map(readAll))).toEqual([502, 502]);
    expect(await readAll(await images.open(zone, noCut))).toBe(502);
    expect(zones.opened).toBe(1);
    expect((await streams[0]!.at(0))!.body).toBe((await streams[1]!.at(0))!.body);
  });

  it('of a new serial replace the old one, which those who read it keep', async () => {
    const { zones, images } = make();
    const before = zones.add('a.test.', lines(500));
    const old = await images.open(before, noCut);
    await old.at(0);
    const after = zones.change('a.test.', { add: ['new 300 A 192.0.2.1'] });
    const both = [old, await images.open(after, noCut)];
    expect(both.map((stream) => stream.zone.serial)).toEqual([1, 2]);
    expect(await Promise.all(both.map(readAll))).toEqual([502, 503]);
    expect(zones.opened).toBe(2);
  });

  it('newer than asked for will do, older ones will not', async () => {
    const { zones, images } = make();
    const before = zones.add('a.test.', lines(10));
    zones.change('a.test.', {});
    const stream = await images.open(before, noCut);
    expect(stream.zone.serial).toBe(2);
    stream.close();
    const later: PublishedZone = { ...before, serial: 3 };
    await expect(images.open(later, noCut)).rejects.toThrow('the store gave serial 2');
  });

  it('least recently used go first when the room is full', async () => {
    const { zones, images } = make({ imageBytes: 30_000 });
    const [a, b, c] = ['a.test.', 'b.test.', 'c.test.'].map((name) => zones.add(name, lines(150)));
    for (const zone of [a!, b!]) await readAll(await images.open(zone, noCut));
    expect(images.bytes).toBeGreaterThan(20_000);
    await readAll(await images.open(a!, noCut));
    await readAll(await images.open(c!, noCut));
    expect(images.bytes).toBeLessThanOrEqual(30_000);
    expect(zones.opened).toBe(3);
    await readAll(await images.open(a!, noCut));
    expect(zones.opened).toBe(3);
    await readAll(await images.open(b!, noCut));
    expect(zones.opened).toBe(4);
  });

  it('that are outdated are cut off from slow readers when they take too much', async () => {
    const { zones, images } = make({ lingeringBytes: 30_000 });
    const cut: number[] = [];
    let zone = zones.add('a.test.', lines(150));
    const readers: MessageStream[] = [];
    for (let n = 0; n < 5; n++) {
      const { serial } = zone;
      const stream = await images.open(zone, () => cut.push(serial));
      readers.push(stream);
      await readAll({ ...stream, close: () => {} });
      zone = zones.change('a.test.', {});
    }
    await readAll(await images.open(zone, noCut));
    expect(cut).toEqual([1, 2, 3]);
    for (const reader of readers) reader.close();
    expect(images.bytes).toBeLessThan(15_000);
  });

  it('above the whole room are served all the same, and not kept', async () => {
    const { zones, images } = make({ imageBytes: 1000, lingeringBytes: 1000 });
    const zone = zones.add('a.test.', lines(2000));
    expect(await readAll(await images.open(zone, noCut))).toBe(2002);
    expect(images.bytes).toBe(0);
  });

  it('that fail are told to everybody, and tried again by the next', async () => {
    const { zones, images } = make();
    const zone = zones.add('a.test.', lines(500));
    zones.beforeBatch = (number) => {
      if (number === 3) throw new Error('gone');
    };
    const streams = await Promise.all([images.open(zone, noCut), images.open(zone, noCut)]);
    for (const stream of streams) await expect(readAll(stream)).rejects.toThrow('gone');
    for (const stream of streams) stream.close();
    expect(images.bytes).toBe(0);
    zones.beforeBatch = () => {};
    expect(await readAll(await images.open(zone, noCut))).toBe(502);
  });

  it('that are one short message are kept as that, and patched', async () => {
    const { zones, images } = make({}, true);
    const before = zones.add('a.test.', SMALL_ZONE);
    expect(await readAll(await images.open(before, noCut))).toBe(SMALL_ZONE.length + 2);
    expect(typeof images.onlyMessage('a.test.', 1)?.body).toBe('string');
    expect(images.bytes).toBe(images.onlyMessage('a.test.', 1)?.bytes);
    const again = await images.open(before, noCut);
    const first = images.onlyMessage('a.test.', 1)!;

    const after = zones.change('a.test.', { add: ['new 300 A 192.0.2.1'] });
    const stream = await images.open(after, noCut);
    expect([stream.zone, again.zone]).toEqual([after, before]);
    expect(await Promise.all([stream, again].map(readAll))).toEqual([11, 10]);
    expect(zones.opened).toBe(1);
    expect(first.isKept).toBe(false);
    expect(images.onlyMessage('a.test.', 1)).toBeUndefined();
    expect(images.bytes).toBe(images.onlyMessage('a.test.', 2)?.bytes);

    // who asks for the older one gets the newer one, which is told by its SOA
    const late = await images.open(before, noCut);
    expect(late.zone).toEqual(after);
    expect(await readAll(late)).toBe(11);
    expect(zones.opened).toBe(1);
  });

  it('that are large and read are made again after a change, a few times unasked', async () => {
    const { zones, images } = make({}, true);
    const zone = zones.add('a.test.', lines(500));
    zones.remembers = true;
    const changed = () => {
      zones.change('a.test.', { add: [`n${Math.random()} 300 A 192.0.2.1`] });
      images.changed(zones.known('a.test.')!);
    };
    changed();
    expect(await readAll(await images.open(zone, noCut))).toBe(503);
    const asked = () => zones.histories;
    for (let made = 1; made <= 4; made++) {
      changed();
      await until(() => asked() === made);
    }
    changed();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(asked()).toBe(4);
    expect(await readAll(await images.open(zones.known('a.test.')!.zone(), noCut))).toBe(508);
    expect(asked()).toBe(5);
    changed();
    await until(() => asked() === 6);
    expect(zones.opened).toBe(1);
    images.close();
  });

  it('of a store that hangs fail within the deadline', async () => {
    const { zones, images } = make({ sourceMs: 50 });
    const zone = zones.add('a.test.', lines(500));
    zones.beforeBatch = (number) => (number === 2 ? new Promise(() => {}) : undefined);
    await expect(readAll(await images.open(zone, noCut))).rejects.toThrow('took longer than 50 ms');
  });

  it('that come too late, break, are half read or are not wanted any more hold nothing in the store', async () => {
    const { zones, images } = make({ sourceMs: 50 });
    const zone = zones.add('a.test.', lines(5000));
    zones.beforeOpen = () => new Promise((resolve) => setTimeout(resolve, 100));
    await expect(images.open(zone, noCut)).rejects.toThrow('took longer than 50 ms');
    await until(() => zones.opened === 1 && zones.held === 0);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(zones.held).toBe(0);

    zones.beforeOpen = () => {};
    await expect(images.isLarger(zone, 10)).resolves.toBe(true);
    await until(() => zones.held === 0);

    const broken = { ...zone, soa: Buffer.from([63]) };
    zones.breakSoa('a.test.', broken);
    await expect(images.open(broken, noCut)).rejects.toThrow('malformed');
    await until(() => zones.held === 0);

    zones.breakSoa('a.test.', zone);
    const stream = await images.open(zone, noCut);
    images.close();
    await expect(readAll(stream)).rejects.toThrow('stopping');
    await until(() => zones.held === 0);
  });

  it('are measured once: what changes say how much larger the next one is', async () => {
    const { zones, images } = make();
    const first = zones.add('a.test.', lines(3));
    let size = await sizeOf(images, first);
    expect(zones.opened).toBe(1);
    let zone = first;
    for (const change of [
      { add: ['new 300 A 192.0.2.1'] },
      { delete: lines(1), add: ['more 300 A 192.0.2.1'] },
    ]) {
      const from = zone.serial;
      zone = zones.change('a.test.', change);
      const steps = (await zones.history(zone.zoneId, from, zone.serial, 1e6)) ?? [];
      for (const { added, deleted } of steps) size += added.length - deleted.length;
      expect(await images.isLarger(zone, size - 1, steps)).toBe(true);
      expect(await images.isLarger(zone, size, steps)).toBe(false);
    }
    expect(zones.opened).toBe(1);

    zones.change('a.test.', { delete: lines(3).slice(1) });
    zone = zones.change('a.test.', { add: ['other 300 A 192.0.2.2'] });
    const last = await zones.history(zone.zoneId, zone.serial - 1, zone.serial, 1e6);
    expect(await images.isLarger(zone, size, last), 'the step before was never seen').toBe(false);
    expect(zones.opened).toBe(2);
  });

  it('are made a bounded number at a time', async () => {
    const { zones, images } = make({ renderings: 2 });
    let most = 0;
    let now = 0;
    zones.batch = 1000;
    zones.beforeBatch = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
    };
    const all = Array.from({ length: 8 }, (_, n) => zones.add(`z${n}.test.`, lines(5)));
    await Promise.all(all.map(async (zone) => readAll(await images.open(zone, noCut))));
    expect(most).toBe(2);
  });
});
