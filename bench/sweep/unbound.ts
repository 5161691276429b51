import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { answers } from '../../test/support/secondaries/dig.ts';
import { freePort } from '../../test/support/secondaries/ports.ts';
import { findProgram, ServerProcess } from '../../test/support/secondaries/server-process.ts';
import { ipv4Of, ipv6Of, SUFFIX, TTL, targetName } from './dataset.ts';

/** An unbound that answers every target from memory. */
export async function startUnbound(
  targets: number,
  folder: string,
): Promise<{ port: number; pid: number; stop(): Promise<unknown> }> {
  const program = findProgram('unbound');
  if (!program) throw new Error('unbound is not installed: apt-get install unbound');
  const own = join(folder, 'unbound');
  await mkdir(own, { recursive: true });
  const port = await freePort();
  const file = join(own, 'unbound.conf');
  const stream = createWriteStream(file);
  stream.write(`server:
  interface: 127.0.0.1@${port}
  directory: "${own}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  num-threads: 2
  so-reuseport: yes
  so-rcvbuf: 4m
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "${SUFFIX}" static
`);
  for (let target = 0; target < targets; target++) {
    const name = targetName(target);
    stream.write(
      `  local-data: "${name} ${TTL} A ${ipv4Of(target)}"\n  local-data: "${name} ${TTL} AAAA ${ipv6Of(target)}"\n`,
    );
  }
  stream.end('remote-control:\n  control-enable: no\n');
  await finished(stream);
  const server = new ServerProcess(program, ['-d', '-c', file], { folder: own });
  await server.until(() => answers({ address: '127.0.0.1', port }, targetName(0)), 60_000);
  return { port, pid: server.pid ?? 0, stop: () => server.stop() };
}
