import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lookUp } from '../../test/support/secondaries/dig.ts';
import { freePort } from '../../test/support/secondaries/ports.ts';
import { findProgram, ServerProcess } from '../../test/support/secondaries/server-process.ts';
import { KEY } from './measure.ts';
import { BIG } from './zone.ts';

export interface Running {
  name: string;
  port: number;
  pid: number;
  /** Seconds from its start to its first answer. */
  loaded: number;
  stop(): Promise<unknown>;
}

interface Setting {
  folder: string;
  port: number;
  /** Names, and the file of each. */
  zones: readonly (readonly [name: string, file: string])[];
}

interface Kind {
  name: string;
  program: string;
  arguments(file: string): string[];
  configuration(setting: Setting): string;
  hasIxfr: boolean;
}

const SECRET = KEY.secret.toString('base64');

/** As their operators would set them up on two cores, with all that is published open to 127.0.0.0/8. */
const KINDS: Kind[] = [
  {
    name: 'NSD',
    program: 'nsd',
    hasIxfr: false,
    arguments: (file) => ['-d', '-c', file],
    configuration: ({ folder, port, zones }) => `
server:
  ip-address: 127.0.0.1
  port: ${port}
  server-count: 2
  tcp-count: 2000
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${folder}"
  pidfile: "${folder}/nsd.pid"
  xfrdfile: "${folder}/xfrd.state"
  zonelistfile: "${folder}/zone.list"
  xfrdir: "${folder}"
  logfile: "${folder}/log"
remote-control:
  control-enable: no
key:
  name: bench
  algorithm: hmac-sha256
  secret: "${SECRET}"
pattern:
  name: open
  provide-xfr: 127.0.0.0/8 NOKEY
  provide-xfr: 127.0.0.0/8 bench
${zones.map(([name, file]) => `zone:\n  name: ${name}\n  zonefile: ${file}\n  include-pattern: open`).join('\n')}
`,
  },
  {
    name: 'Knot',
    program: 'knotd',
    hasIxfr: true,
    arguments: (file) => ['-c', file],
    configuration: ({ folder, port, zones }) => `
server:
  rundir: ${folder}
  listen: 127.0.0.1@${port}
  udp-workers: 2
  tcp-workers: 10
  background-workers: 2
  tcp-max-clients: 10000
  tcp-reuseport: on
log:
- target: stderr
  any: warning
database:
  storage: ${folder}/db
  journal-db-mode: asynchronous
key:
- id: bench
  algorithm: hmac-sha256
  secret: ${SECRET}
acl:
- id: plain
  address: 127.0.0.0/8
  action: [transfer, update]
- id: signed
  address: 127.0.0.0/8
  key: bench
  action: transfer
template:
- id: default
  zonefile-load: whole
  zonefile-sync: -1
  journal-content: none
  semantic-checks: off
  acl: [plain, signed]
zone:
${zones.map(([name, file]) => `- domain: ${name}\n  file: ${file}${name === BIG ? '\n  journal-content: changes' : ''}`).join('\n')}
`,
  },
  {
    name: 'BIND',
    program: 'named',
    hasIxfr: true,
    arguments: (file) => ['-g', '-n', '2', '-c', file],
    configuration: ({ folder, port, zones }) => `
key bench { algorithm hmac-sha256; secret "${SECRET}"; };
options {
  directory "${folder}"; pid-file none; session-keyfile "${folder}/session.key";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; notify no; dnssec-validation no; empty-zones-enable no; querylog no;
  allow-transfer { 127.0.0.0/8; }; transfers-out 10000; tcp-clients 10000; tcp-listen-queue 4096;
};
controls {};
logging { category xfer-out { null; }; category update { null; }; category update-security { null; }; };
${zones.map(([name, file]) => `zone "${name}" { type primary; file "${file}"; ${name === BIG ? `allow-update { 127.0.0.1; }; journal "${folder}/big.jnl"; ` : ''}};`).join('\n')}
`,
  },
];

/** Those that are installed, in the order NSD, Knot, BIND; only those that keep a history where that is wanted. */
export function peersHere(options: { withIxfr?: boolean } = {}): string[] {
  return KINDS.filter(({ program, hasIxfr }) => findProgram(program) && (hasIxfr || !options.withIxfr)).map(
    ({ name }) => name,
  );
}

/** Starts one of them; returns when it answers its last zone, the large one. */
export async function startPeer(name: string, zones: Setting['zones'], folder: string): Promise<Running> {
  const kind = KINDS.find((one) => one.name === name);
  const program = kind && findProgram(kind.program);
  if (!kind || !program) throw new Error(`${name} is not installed`);
  const own = join(folder, name.toLowerCase());
  await mkdir(join(own, 'db'), { recursive: true });
  const port = await freePort();
  const file = join(own, 'configuration');
  await writeFile(file, kind.configuration({ folder: own, port, zones }));
  const begun = performance.now();
  const server = new ServerProcess(program, kind.arguments(file), { folder: own });
  await server.until(() => serves(port, zones), 300_000);
  const loaded = (performance.now() - begun) / 1000;
  return { name, port, pid: server.pid ?? 0, loaded, stop: () => server.stop(30_000) };
}

/** Whether the large zone and the last of the small ones are loaded. */
export async function serves(port: number, zones: Setting['zones']): Promise<boolean> {
  for (const [name] of zones.slice(-2)) {
    const soa = await lookUp({ address: '127.0.0.1', port }, name, 'SOA').catch(() => []);
    if (soa.length === 0) return false;
  }
  return true;
}
