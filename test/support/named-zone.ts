import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { canonicalName, formatName } from '../../src/dns/name.ts';
import { canonicalRdata } from '../../src/dns/rdata/index.ts';

const run = promisify(execFile);

/** Only what a zone file says, not whether it makes sense. */
const LENIENT = [
  '-i',
  'none',
  ...['-k', '-n', '-m', '-M', '-S', '-W', '-r', '-T'].flatMap((flag) => [flag, 'ignore']),
];

/**
 * What BIND reads in a zone file, as `comparable` has it; in words why it refuses it. It comes in its raw form, in which names and data
 * are as on the wire.
 */
export async function readByNamed(origin: string, text: string): Promise<Set<string> | string> {
  const folder = await mkdtemp(join(tmpdir(), 'zone-'));
  try {
    await writeFile(join(folder, 'text'), text);
    const [from, to] = [join(folder, 'text'), join(folder, 'raw')];
    await run('named-compilezone', ['-q', ...LENIENT, '-F', 'raw=1', '-o', to, origin, from]);
    return new Set(recordsOf(await readFile(to)));
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    if (stdout === undefined) throw error;
    return `${stdout}${stderr}`.replaceAll(`${folder}/text:`, 'line ');
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A record by what secondaries tell apart: spelling does not count. */
export function comparable(name: Buffer, type: number, ttl: number, rdata: Buffer): string {
  return `${formatName(canonicalName(name))} ${ttl} TYPE${type} ${canonicalRdata(type, rdata).toString('hex')}`;
}

/** Format, version, time, flags, serial and time of a transfer stand first; then one RRset after the other. */
function* recordsOf(raw: Buffer): Generator<string> {
  for (let at = 24; at < raw.length; ) {
    const end = at + raw.readUInt32BE(at);
    const [type, ttl] = [raw.readUInt16BE(at + 6), raw.readUInt32BE(at + 10)];
    const nameEnd = at + 20 + raw.readUInt16BE(at + 18);
    const name = raw.subarray(at + 20, nameEnd);
    for (at = nameEnd; at < end; at += 2 + raw.readUInt16BE(at))
      yield comparable(name, type, ttl, raw.subarray(at + 2, at + 2 + raw.readUInt16BE(at)));
  }
}
