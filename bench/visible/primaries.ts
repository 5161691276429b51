import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lookUp } from '../../test/support/secondaries/dig.ts';
import { freePort } from '../../test/support/secondaries/ports.ts';
import { findProgram, ServerProcess } from '../../test/support/secondaries/server-process.ts';

export interface Primary {
  port: number;
  stop(): Promise<unknown>;
}

interface Setting {
  own: string;
  port: number;
  zone: string;
  file: string;
  secondary: number;
}

/** A primary that takes updates and notifies one secondary: BIND with notify-delay 0, or Knot. Undefined where it is not installed. */
export async function startPrimary(
  kind: 'bind' | 'knot',
  setting: { zone: string; file: string; secondary: number; folder: string },
): Promise<Primary | undefined> {
  const program = findProgram(kind === 'bind' ? 'named' : 'knotd');
  if (!program) return undefined;
  const own = join(setting.folder, `primary-${kind}`);
  await mkdir(join(own, 'db'), { recursive: true });
  const port = await freePort();
  const configuration = join(own, 'configuration');
  await writeFile(configuration, (kind === 'bind' ? bind : knot)({ ...setting, own, port }));
  const args = kind === 'bind' ? ['-g', '-n', '2', '-c', configuration] : ['-c', configuration];
  const server = new ServerProcess(program, args, { folder: own });
  await server.until(
    async () =>
      (await lookUp({ address: '127.0.0.1', port }, setting.zone, 'SOA').catch(() => [])).length > 0,
    300_000,
  );
  return { port, stop: () => server.stop(30_000) };
}

function bind({ own, port, zone, file, secondary }: Setting): string {
  return `options { directory "${own}"; pid-file none; session-keyfile "${own}/session.key";
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; dnssec-validation no; empty-zones-enable no;
  allow-transfer { 127.0.0.1; }; notify explicit; also-notify { 127.0.0.1 port ${secondary}; }; notify-delay 0; notify-rate 10000; };
controls {};
logging { category update { null; }; category update-security { null; }; category xfer-out { null; }; };
zone "${zone}" { type primary; file "${file}"; journal "${own}/zone.jnl"; allow-update { 127.0.0.1; }; };
`;
}

function knot({ own, port, zone, file, secondary }: Setting): string {
  return `server:
  rundir: ${own}
  listen: 127.0.0.1@${port}
database:
  storage: ${own}/db
remote:
- id: secondary
  address: 127.0.0.1@${secondary}
acl:
- id: all
  address: 127.0.0.0/8
  action: [transfer, update]
zone:
- domain: ${zone}
  file: ${file}
  zonefile-sync: -1
  zonefile-load: whole
  journal-content: changes
  semantic-checks: off
  acl: all
  notify: secondary
`;
}
