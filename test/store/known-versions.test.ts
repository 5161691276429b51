import { describe, expect, test } from 'vitest';
import { absoluteName } from '../../src/dns/name.ts';
import { encodeSoa } from '../../src/dns/rdata/index.ts';
import { KnownVersion, KnownVersions } from '../../src/store/known-versions.ts';

const ZONE = 'a.test.';

function version(serial: number, zoneId = '1'): KnownVersion {
  const soa = encodeSoa({
    mname: absoluteName('ns.a.test'),
    rname: absoluteName('h.a.test'),
    serial,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: 1,
  });
  return new KnownVersion(zoneId, ZONE, soa, 60);
}

const known = (...changes: (KnownVersion | undefined)[]) => {
  const versions = new KnownVersions(10);
  for (const change of changes) versions.change(ZONE, change);
  return versions;
};
const serial = (versions: KnownVersions) => versions.get(ZONE)?.serial;
const last = (versions: KnownVersions) => versions.last(ZONE)?.serial;

describe('what was read of a zone', () => {
  test('goes past what is known, and is no more forgotten for an older change', () => {
    const versions = known(version(1));
    const before = versions.get(ZONE);
    versions.reading().take(ZONE, version(3));
    expect(serial(versions)).toBe(3);
    expect(before?.isCurrent).toBe(false);
    versions.change(ZONE, version(2));
    expect(serial(versions)).toBe(3);
    versions.change(ZONE, version(4));
    expect(serial(versions)).toBe(4);
  });

  test('leaves what is known as it is where that is the same or newer', () => {
    const versions = known(version(2));
    const before = versions.get(ZONE);
    versions.reading().take(ZONE, version(2));
    versions.reading().take(ZONE, version(1));
    expect(versions.get(ZONE)).toBe(before);
    expect(before?.isCurrent).toBe(true);
  });

  test('counts where it is newer than a change that came meanwhile, and not where it is older', () => {
    const versions = known(version(1));
    const [early, late] = [versions.reading(), versions.reading()];
    versions.change(ZONE, version(2));
    early.take(ZONE, version(1));
    expect(serial(versions)).toBe(2);
    late.take(ZONE, version(3));
    expect(serial(versions)).toBe(3);
  });

  test('is the last that was known, where all began anew meanwhile', () => {
    const versions = known(version(1));
    const reading = versions.reading();
    versions.startAnew();
    reading.take(ZONE, version(2));
    expect([serial(versions), last(versions)]).toEqual([undefined, 2]);
    versions.change(ZONE, version(1));
    versions.startAnew();
    reading.take(ZONE, version(1));
    expect(last(versions)).toBe(1);
  });

  test('lets go of a zone that is not there any more, where nothing newer is known', () => {
    const versions = known(version(1));
    versions.startAnew();
    versions.reading().take(ZONE, undefined);
    expect(last(versions)).toBeUndefined();
  });

  test('brings nothing back that was deleted, and nothing from before a zone was made again', () => {
    const versions = known(version(1));
    const reading = versions.reading();
    versions.change(ZONE, undefined);
    reading.take(ZONE, version(2));
    expect(last(versions)).toBeUndefined();
    versions.change(ZONE, version(1, '2'));
    reading.take(ZONE, version(3));
    expect(versions.get(ZONE)?.zoneId).toBe('2');
    versions.reading().take(ZONE, version(1, '3'));
    expect(versions.get(ZONE)?.zoneId, 'made again, before the round that tells it').toBe('3');
  });
});
