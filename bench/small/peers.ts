import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { answers } from '../../test/support/secondaries/dig.ts';
import { freePort } from '../../test/support/secondaries/ports.ts';
import { findProgram, ServerProcess } from '../../test/support/secondaries/server-process.ts';

/** A server that has all zones and answers. */
export interface Started {
  name: string;
  port: number;
  pid: number;
  stop(): Promise<unknown>;
}

interface Kind {
  name: string;
  program: string;
  arguments(file: string): string[];
  configuration(at: { folder: string; port: number; zones: readonly string[] }): string;
}

/** As their operators would set them up on two cores; transfers are not logged, as ours are not above `warn`. */
const KINDS: Kind[] = [
  {
    name: 'BIND',
    program: 'named',
    arguments: (file) => ['-g', '-n', '2', '-c', file],
    configuration: ({ folder, port, zones }) => `
options {
  directory "${folder}"; pid-file none; session-keyfile "${folder}/session.key";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; notify no; dnssec-validation no; empty-zones-enable no; minimal-responses yes; querylog no;
  allow-transfer { 127.0.0.0/8; }; transfers-out 10000; tcp-clients 10000; tcp-listen-queue 4096;
};
controls {};
logging { category xfer-out { null; }; };
${zones.map((zone) => `zone "${zone}" { type primary; file "${file(folder, zone)}"; };`).join('\n')}
`,
  },
  {
    name: 'NSD',
    program: 'nsd',
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
  rrl-ratelimit: 0
remote-control:
  control-enable: no
pattern:
  name: small
  provide-xfr: 127.0.0.0/8 NOKEY
${zones.map((zone) => `zone:\n  name: ${zone}\n  zonefile: ${file(folder, zone)}\n  include-pattern: small`).join('\n')}
`,
  },
  {
    name: 'Knot',
    program: 'knotd',
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
acl:
- id: out
  address: 127.0.0.0/8
  action: transfer
template:
- id: default
  zonefile-load: whole
  zonefile-sync: -1
  journal-content: none
  semantic-checks: off
  acl: out
zone:
${zones.map((zone) => `- domain: ${zone}\n  file: ${file(folder, zone)}`).join('\n')}
`,
  },
];

const file = (folder: string, zone: string) => join(folder, '..', 'zones', `${zone}zone`);

/** Those that are installed. */
export function peerNames(): string[] {
  return KINDS.filter(({ program }) => findProgram(program)).map(({ name }) => name);
}

/** Starts one of them on the zones that `writeZones` wrote to this folder. */
export async function startPeer(name: string, zones: readonly string[], folder: string): Promise<Started> {
  const kind = KINDS.find((one) => one.name === name);
  const program = kind && findProgram(kind.program);
  if (!kind || !program) throw new Error(`${name} is not installed`);
  const own = join(folder, name.toLowerCase());
  await mkdir(own, { recursive: true });
  const port = await freePort();
  const configuration = join(own, 'configuration');
  await writeFile(configuration, kind.configuration({ folder: own, port, zones }));
  const server = new ServerProcess(program, kind.arguments(configuration), { folder: own });
  const last = zones.at(-1) ?? '';
  await server.until(() => answers({ address: '127.0.0.1', port }, last), 120_000);
  return { name, port, pid: server.pid ?? 0, stop: () => server.stop() };
}
