import { execFile } from 'node:child_process';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { SecondaryKind } from '../../../src/cli/secondary-config.ts';
import { findProgram } from './server-process.ts';

const execute = promisify(execFile);

export interface Launch {
  command: string;
  args: string[];
}

export interface Place {
  folder: string;
  address: string;
  port: number;
  /** What the product printed: zones, key and access. */
  config: string;
  /** Changes what the server is started with, once it is all laid together. */
  rewrite?: (configuration: string) => string;
}

/**
 * Lays the files of one server into its folder: the printed configuration inside the options that a test run needs. Of the
 * printed text itself one thing is changed: whoever runs the test may transfer the zones, to see all of their content.
 */
export async function prepare(kind: SecondaryKind, place: Place): Promise<Launch> {
  return wrap[kind](place);
}

const wrap: Record<SecondaryKind, (place: Place) => Promise<Launch>> = {
  async bind({ folder, address, port, config, rewrite = asItIs }) {
    const listen = address.includes(':')
      ? `listen-on { none; }; listen-on-v6 port ${port} { ${address}; };`
      : `listen-on port ${port} { ${address}; }; listen-on-v6 { none; };`;
    const file = join(folder, 'named.conf');
    await writeFile(
      file,
      rewrite(`options {
    directory "${folder}";
    pid-file none;
    lock-file none;
    session-keyfile "session.key";
    ${listen}
    recursion no;
    dnssec-validation no;
    min-refresh-time 1;
    min-retry-time 1;
${partForOptions(config)}
};
controls { };
${opened(config, 'allow-transfer { none; }', `allow-transfer { ${address}; }`)}`),
    );
    return { command: program('named'), args: ['-g', '-n', '1', '-c', file] };
  },

  async nsd({ folder, address, port, config, rewrite = asItIs }) {
    const file = join(folder, 'nsd.conf');
    await writeFile(
      file,
      rewrite(`server:
    server-count: 1
    ip-address: ${address}@${port}
    port: ${port}
    username: ""
    chroot: ""
    zonesdir: "${folder}"
    database: ""
    xfrdfile: "${folder}/xfrd.state"
    xfrdir: "${folder}"
    zonelistfile: "${folder}/zone.list"
    pidfile: ""
    cookie-secret-file: "${folder}/cookies.txt"
    verbosity: 2
    zonefiles-write: 1
remote-control:
    control-enable: no
${opened(config, 'include-pattern: "zoneferry"', `include-pattern: "zoneferry"\n    provide-xfr: ${address} NOKEY`)}`),
    );
    return { command: program('nsd'), args: ['-d', '-V', '2', '-c', file] };
  },

  async knot({ folder, address, port, config, rewrite = asItIs }) {
    const file = join(folder, 'knot.conf');
    // Knot 3.2 crashes on a catalog when it has no folder for its database
    await mkdir(join(folder, 'db'));
    await writeFile(
      file,
      rewrite(`server:
    rundir: "${folder}"
    listen: ${address}@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "${folder}/db"
control:
    listen: "${folder}/knot.sock"
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: "${folder}"
acl:
  - id: test-transfer
    address: ${address}
    action: transfer
${opened(config, 'acl: [ zoneferry-notify ]', 'acl: [ zoneferry-notify, test-transfer ]').replace(
  'id: zoneferry-member',
  `id: zoneferry-member\n    storage: "${folder}"`,
)}`),
    );
    return { command: program('knotd'), args: ['-c', file] };
  },

  async powerdns({ folder, address, port, config, rewrite = asItIs }) {
    await mkdir(join(folder, 'pdns.d'));
    await writeFile(
      join(folder, 'pdns.conf'),
      rewrite(`launch=gsqlite3
gsqlite3-database=${folder}/pdns.sqlite3
gsqlite3-dnssec=yes
include-dir=${folder}/pdns.d
socket-dir=${folder}
local-address=${address}
local-port=${port}
setuid=
setgid=
allow-axfr-ips=${address}
xfr-cycle-interval=2
receiver-threads=1
distributor-threads=1
retrieval-threads=1
signing-threads=1
disable-syslog=yes
loglevel=6
security-poll-suffix=
`),
    );
    await execute(program('sqlite3'), [`${folder}/pdns.sqlite3`, `.read ${await powerdnsSchema()}`]);
    await writeFile(join(folder, 'zoneferry.sh'), config);
    const path = `${dirname(program('pdnsutil'))}:${process.env.PATH ?? ''}`;
    await execute('sh', [join(folder, 'zoneferry.sh')], {
      env: { ...process.env, PATH: path, PDNS_CONFIG: folder },
      timeout: 15_000,
    });
    return {
      command: program('pdns_server'),
      args: [`--config-dir=${folder}`, '--guardian=no', '--daemon=no'],
    };
  },
};

const asItIs = (configuration: string) => configuration;

/** What the text printed for a catalog consumer says is to be put into `options`; the rest of it stays a comment. */
function partForOptions(config: string): string {
  const [, part = ''] = config.split('// Into `options`, without the slashes:\n');
  return part.replaceAll(/^\/\//gm, '');
}

function opened(config: string, printed: string, instead: string): string {
  if (!config.includes(printed))
    throw new Error(`expected "${printed}" in the printed configuration:\n${config}`);
  return config.replaceAll(printed, instead);
}

function program(name: string): string {
  const path = findProgram(name);
  if (!path) throw new Error(`${name} is not installed`);
  return path;
}

export async function powerdnsSchema(): Promise<string> {
  const files = ['schema', ''].map((folder) =>
    join('/usr/share/pdns-backend-sqlite3', folder, 'schema.sqlite3.sql'),
  );
  files.push(
    '/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql',
    '/usr/share/doc/pdns/schema.sqlite3.sql',
  );
  for (const file of files)
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    )
      return file;
  throw new Error(`no PowerDNS schema for SQLite: looked for ${files.join(', ')}`);
}
