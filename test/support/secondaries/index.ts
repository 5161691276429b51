import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SECONDARY_KINDS, type SecondaryKind, secondaryConfig } from '../../../src/cli/secondary-config.ts';
import { answers, lookUp, transfer } from './dig.ts';
import { freePort } from './ports.ts';
import { findProgram, ServerProcess } from './server-process.ts';
import { type Place, prepare } from './wrap.ts';

export { SECONDARY_KINDS, type SecondaryKind } from '../../../src/cli/secondary-config.ts';
export { canonicalRecord, differences, exportedSet } from './canonical.ts';
export { freePort } from './ports.ts';

export interface SecondaryOptions {
  primary: { ip: string; port: number };
  zones: string[];
  key?: { name: string; algorithm: string; secret: string };
  /** Where the secondary listens; by default a free port of 127.0.0.1. */
  address?: string;
  port?: number;
  /** The configuration to run with, such as the command line printed it; by default made from these options. */
  config?: string;
  /** Changes the whole configuration that the server is started with, such as its limits. */
  rewrite?: (configuration: string) => string;
}

export interface Secondary {
  kind: SecondaryKind;
  address: string;
  port: number;
  readonly pid: number;
  /** Where its files lie. */
  folder: string;
  /** The rdata of what it answers, in dig's presentation, sorted. */
  query(name: string, type: string): Promise<string[]>;
  /** The serial that it answers with, `undefined` as long as it has no copy of the zone. */
  serial(zone: string): Promise<number | undefined>;
  /** All that it holds of the zone, by AXFR from it, one canonical text a record (see canonical.ts). */
  content(zone: string): Promise<Set<string>>;
  log(): string;
  /** Ends it; its data stay. */
  halt(): Promise<void>;
  /** Starts it again after `halt`; `empty`: on a folder with nothing but its configuration. Returns when it answers questions. */
  start(options?: { empty: boolean }): Promise<void>;
  /** Ends it and removes its folder. May be called twice. */
  stop(): Promise<void>;
}

const PROGRAMS: Record<SecondaryKind, string[]> = {
  bind: ['named'],
  nsd: ['nsd'],
  knot: ['knotd'],
  powerdns: ['pdns_server', 'pdnsutil', 'sqlite3'],
};

/**
 * Whether that server can be run here. On a build machine (`CI` is set) a missing one is an error, so that a run without
 * it can't pass for a good one.
 */
export function installed(kind: SecondaryKind): boolean {
  const missing = [...PROGRAMS[kind], 'dig'].filter((program) => !findProgram(program));
  if (missing.length > 0 && process.env.CI)
    throw new Error(
      `CI is set, and ${missing.join(', ')} of the ${kind} secondary is not installed: see .ci/run`,
    );
  return missing.length === 0;
}

/** Those of the four that can be run here. */
export function installedKinds(): SecondaryKind[] {
  return SECONDARY_KINDS.filter(installed);
}

/**
 * Starts a real secondary of `primary` in a temporary folder, as the calling user, with the configuration that
 * `zoneferry secondary config` prints. Returns when it answers questions; it may not have the zones yet.
 */
export async function startSecondary(kind: SecondaryKind, options: SecondaryOptions): Promise<Secondary> {
  const address = options.address ?? '127.0.0.1';
  const tries = options.port === undefined ? 3 : 1;
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort(address));
    const config =
      options.config ??
      secondaryConfig(kind, {
        name: kind,
        addresses: [{ ip: address, port }],
        primary: [options.primary],
        zones: options.zones,
        ...(options.key ? { key: options.key } : {}),
      });
    const folder = await mkdtemp(join(tmpdir(), `secondary-${kind}-`));
    try {
      const { rewrite } = options;
      return await run({ kind, folder, address, port, config, ...(rewrite ? { rewrite } : {}) });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      if (attempt === tries) throw error;
    }
  }
}

async function run(place: Place & { kind: SecondaryKind }): Promise<Secondary> {
  const { kind, folder, address, port } = place;
  const launch = await prepare(kind, place);
  let said = '';
  const begin = async () => {
    const server = new ServerProcess(launch.command, launch.args, { folder });
    try {
      await server.until(() => answers({ address, port }, 'ready.invalid.'), 30_000);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  };
  let server = await begin();
  let stopped: Promise<void> | undefined;
  return {
    kind,
    address,
    port,
    folder,
    get pid() {
      return server.pid ?? 0;
    },
    query: (name, type) => lookUp({ address, port }, name, type),
    serial: async (zone) => {
      const [soa] = await lookUp({ address, port }, zone, 'SOA');
      return soa === undefined ? undefined : Number(soa.split(' ')[2]);
    },
    content: (zone) => transfer({ address, port }, zone),
    log: () => said + server.log(),
    halt: async () => {
      await server.stop();
    },
    start: async ({ empty } = { empty: false }) => {
      said += server.log();
      if (empty) {
        await rm(folder, { recursive: true });
        await mkdir(folder);
        await prepare(kind, place);
      }
      server = await begin();
    },
    stop: () => {
      stopped ??= server.stop().then(() => rm(folder, { recursive: true, force: true }));
      return stopped;
    },
  };
}
