/**
 * The store's part of the transfer server, in memory: zones with versions and a journal, and who may have them. For
 * tests of the protocol alone; what PostgreSQL does is tested on PostgreSQL.
 */

import { recordKey } from '../../src/dns/inbound.ts';
import { absoluteName, formatName, nameKey } from '../../src/dns/name.ts';
import { encodeSoa, parseRdata } from '../../src/dns/rdata/index.ts';
import { nextSerial } from '../../src/dns/serial.ts';
import { algorithmFromText, type TsigKey } from '../../src/dns/tsig.ts';
import { typeFromText } from '../../src/dns/types.ts';
import type { KnownVersion, Registration, Registry, VersionSource } from '../../src/transfer/source.ts';
import {
  type CurrentZone,
  type JournalStep,
  type OpenVersion,
  type PublishedZone,
  packRecords,
  type StoredRecord,
} from '../../src/zone/version.ts';

interface MemoryZone {
  zone: PublishedZone;
  records: Map<string, StoredRecord>;
  journal: JournalStep[];
  published: boolean;
}

export class MemoryZones implements VersionSource {
  /** Records a batch. */
  batch = 3;
  /** Called before each batch is given, with its number from 0; may throw or wait. */
  beforeBatch: (number: number) => void | Promise<void> = () => {};
  /** Called by each `current`; may throw or wait. */
  beforeCurrent: () => void | Promise<void> = () => {};
  beforeHistory: () => void | Promise<void> = () => {};
  /** Called by each `open`; may throw or wait. */
  beforeOpen: () => void | Promise<void> = () => {};
  /** How often a zone was opened. */
  opened = 0;
  /** How often a history was asked for. */
  histories = 0;
  /** Versions that hold something now, as a database client, until they are read or given back. */
  held = 0;
  readonly #zones = new Map<string, MemoryZone>();

  /** Adds a zone from lines such as `www 300 A 192.0.2.1`; its SOA is made here. */
  add(name: string, lines: readonly string[], serial = 1): PublishedZone {
    const nameWire = absoluteName(name);
    const zone = makeZone(nameWire, serial);
    const records = new Map<string, StoredRecord>();
    for (const record of parseLines(nameWire, lines)) records.set(recordKey(record), record);
    this.#zones.set(zone.name, { zone, records, journal: [], published: true });
    return zone;
  }

  /** Publishes a change under the next serial, or the one given. */
  change(
    name: string,
    change: { delete?: readonly string[]; add?: readonly string[] },
    serial?: number,
  ): PublishedZone {
    const { nameWire } = this.#get(name).zone;
    return this.changeRecords(
      name,
      parseLines(nameWire, change.delete ?? []),
      parseLines(nameWire, change.add ?? []),
      serial,
    );
  }

  changeRecords(
    name: string,
    deleted: readonly StoredRecord[],
    added: readonly StoredRecord[],
    serial?: number,
  ): PublishedZone {
    const memory = this.#get(name);
    const before = memory.zone;
    const zone = makeZone(before.nameWire, serial ?? nextSerial(before.serial));
    for (const record of deleted) {
      if (!memory.records.delete(recordKey(record))) throw new Error('to be deleted, but not there');
    }
    for (const record of added) memory.records.set(recordKey(record), record);
    memory.journal.push({
      fromSerial: before.serial,
      toSerial: zone.serial,
      oldSoa: before.soa,
      oldSoaTtl: before.soaTtl,
      newSoa: zone.soa,
      newSoaTtl: zone.soaTtl,
      deleted: packRecords(deleted),
      added: packRecords(added),
    });
    memory.zone = zone;
    return zone;
  }

  /** The records now, without the SOA. */
  records(name: string): StoredRecord[] {
    return [...this.#get(name).records.values()];
  }

  /** Forgets all but the last steps of the journal. */
  prune(name: string, keep: number): void {
    const memory = this.#get(name);
    memory.journal = keep === 0 ? [] : memory.journal.slice(-keep);
  }

  /** Puts another published version in place of the zone's own, for one that no store should hold. */
  breakSoa(name: string, zone: PublishedZone): void {
    this.#get(name).zone = zone;
  }

  unpublish(name: string): void {
    this.#get(name).published = false;
  }

  /** Whether versions are at hand without asking. */
  remembers = false;
  readonly #known = new Map<string, { of: PublishedZone; known: KnownVersion }>();

  mayAnswer(): boolean {
    return this.remembers;
  }

  known(zone: string): KnownVersion | undefined {
    const memory = this.#zones.get(zone);
    if (!this.remembers || !memory?.published) return undefined;
    const before = this.#known.get(zone);
    if (before?.of === memory.zone) return before.known;
    const of = memory.zone;
    const { zoneId, name, serial, expire, change } = of;
    const isCurrent = () => this.#zones.get(zone)?.zone === of && memory.published;
    const known = {
      zoneId,
      name,
      serial,
      expire,
      change,
      zone: () => of,
      get isCurrent() {
        return isCurrent();
      },
    };
    this.#known.set(zone, { of, known });
    return known;
  }

  async current(zone: string): Promise<CurrentZone> {
    await this.beforeCurrent();
    const memory = this.#zones.get(zone);
    if (memory === undefined) return { kind: 'unknown' };
    return memory.published ? { kind: 'zone', zone: memory.zone } : { kind: 'unpublished' };
  }

  async open(zoneId: string): Promise<OpenVersion> {
    this.opened++;
    await this.beforeOpen();
    this.held++;
    const { zone, records } = this.#get(zoneId);
    // A version: what changes later is not seen.
    return { zone, batches: this.#batches([...records.values()]) };
  }

  async history(
    zoneId: string,
    from: number,
    to: number,
    maxBytes: number,
  ): Promise<JournalStep[] | undefined> {
    this.histories++;
    await this.beforeHistory();
    const { journal } = this.#get(zoneId);
    const first = journal.findIndex((step) => step.fromSerial === from);
    const last = journal.findIndex((step) => step.toSerial === to);
    if (first < 0 || last < first) return undefined;
    const steps = journal.slice(first, last + 1);
    const bytes = steps.reduce((sum, step) => sum + step.deleted.length + step.added.length, 0);
    return bytes > maxBytes ? undefined : steps;
  }

  async *#batches(records: StoredRecord[]): AsyncGenerator<Buffer> {
    try {
      for (let start = 0; start < records.length; start += this.batch) {
        await this.beforeBatch(start / this.batch);
        yield packRecords(records.slice(start, start + this.batch));
      }
    } finally {
      this.held--;
    }
  }

  #get(name: string): MemoryZone {
    const memory = this.#zones.get(name);
    if (memory === undefined) throw new Error(`no zone ${name}`);
    return memory;
  }
}

export class MemoryRegistry implements Registry {
  readonly list: Registration[] = [];
  readonly #keys = new Map<string, TsigKey>();

  /** Registers a secondary; by default on 127.0.0.1, without keys, for all zones. */
  add(name: string, fields: Partial<Registration> = {}): Registration {
    const registration: Registration = {
      secondaryId: `id-${name}`,
      name,
      addresses: ['127.0.0.1'],
      transferFrom: [],
      keys: [],
      zones: 'all',
      ...fields,
    };
    for (const key of registration.keys) this.addKey(key);
    this.list.push(registration);
    return registration;
  }

  addKey(key: TsigKey): void {
    this.#keys.set(`${nameKey(key.name)} ${key.algorithm}`, key);
  }

  registrations(): readonly Registration[] {
    return [...this.list];
  }

  findKey(key: string, algorithm: string): TsigKey | undefined {
    return this.#keys.get(`${key} ${algorithm}`);
  }
}

export function makeKey(name: string, algorithm = 'hmac-sha256', secret = 'a shared secret'): TsigKey {
  const known = algorithmFromText(algorithm);
  if (known === undefined) throw new Error(`no algorithm ${algorithm}`);
  return { name: absoluteName(name), algorithm: known, secret: Buffer.from(secret) };
}

/** Lines `name ttl type rdata`, names relative to the zone. */
export function parseLines(zone: Buffer, lines: readonly string[]): StoredRecord[] {
  const origin = formatName(zone);
  return lines.map((line) => {
    const [owner = '', ttl = '', type = '', ...rdata] = line.split(' ');
    const number = typeFromText(type);
    if (number === undefined) throw new Error(`no type in "${line}"`);
    const name = owner === '@' ? origin : owner.endsWith('.') ? owner : `${owner}.${origin}`;
    return {
      name: absoluteName(name),
      type: number,
      ttl: Number(ttl),
      rdata: parseRdata(number, rdata.join(' '), zone),
    };
  });
}

function makeZone(nameWire: Buffer, serial: number): PublishedZone {
  const name = nameKey(nameWire);
  return {
    zoneId: name,
    name,
    nameWire,
    serial,
    soa: encodeSoa({
      mname: absoluteName('ns1.example.net.'),
      rname: absoluteName('hostmaster.example.net.'),
      serial,
      refresh: 3600,
      retry: 600,
      expire: 604_800,
      minimum: 300,
    }),
    soaTtl: 3600,
    expire: 604_800,
    change: undefined,
  };
}
