import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answers, transfer } from './dig.ts';
import { freePort } from './ports.ts';
import { findProgram, ServerProcess } from './server-process.ts';

export interface ReferencePrimary {
  ip: string;
  port: number;
  /** What it makes of the zone file: an independent reading to compare ours with. */
  content(): Promise<Set<string>>;
  log(): string;
  stop(): Promise<void>;
}

/** A Knot DNS that serves one zone file as primary to anyone on loopback, with `key` to its owners alone. */
export async function startReferencePrimary(
  zone: string,
  zoneFile: string,
  key?: { name: string; algorithm: string; secret: string },
): Promise<ReferencePrimary> {
  const program = findProgram('knotd');
  if (!program) throw new Error('knotd is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'primary-knot-'));
  const port = await freePort();
  const file = join(folder, 'knot.conf');
  await writeFile(join(folder, 'zone'), zoneFile);
  await writeFile(
    file,
    `server:
    rundir: "${folder}"
    listen: 127.0.0.1@${port}
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
${key ? `key:\n  - id: "${key.name}"\n    algorithm: ${key.algorithm}\n    secret: "${key.secret}"\n` : ''}
acl:
  - id: out
    address: 127.0.0.1
${key ? `    key: "${key.name}"\n` : ''}    action: transfer
zone:
  - domain: "${zone}"
    file: "${folder}/zone"
    acl: out
`,
  );
  const server = new ServerProcess(program, ['-c', file], { folder });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.until(() => answers({ address: '127.0.0.1', port }, zone), 10_000);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ip: '127.0.0.1',
    port,
    content: () => transfer({ address: '127.0.0.1', port }, zone),
    log: () => server.log(),
    stop,
  };
}
