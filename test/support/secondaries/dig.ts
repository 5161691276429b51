import { execFile } from 'node:child_process';
import { canonicalRecord } from './canonical.ts';
import { findProgram } from './server-process.ts';

export interface Server {
  address: string;
  port: number;
}

/** The rdata of an answer in dig's presentation, sorted; empty when there is none. An error when no reply comes. */
export async function lookUp(server: Server, name: string, type: string): Promise<string[]> {
  const text = await dig(server, [name, type, '+noall', '+answer', '+norecurse', '+nosplit']);
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';'))
    .map((line) => line.split(/\s+/))
    .filter(([, , , found]) => found?.toUpperCase() === type.toUpperCase())
    .map((fields) => fields.slice(4).join(' '))
    .sort();
}

/** Whether a reply of any kind comes to a question about that zone. */
export async function answers(server: Server, zone: string): Promise<boolean> {
  try {
    return /status: [A-Z]+/.test(await dig(server, [zone, 'SOA', '+norecurse']));
  } catch {
    return false;
  }
}

/** The zone as that server gives it by AXFR: one canonical text a record, the SOA once. */
export async function transfer(server: Server, zone: string): Promise<Set<string>> {
  const text = await dig(server, [zone, 'AXFR', '+noall', '+answer', '+onesoa', '+unknownformat']);
  const records = text.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  if (records.length === 0 || text.includes('; Transfer failed'))
    throw new Error(`no transfer of ${zone} from ${server.address} port ${server.port}: ${text.trim()}`);
  return new Set(records.map(fromGenericForm));
}

/** dig's `name ttl CLASS1 TYPE15 \# 6 000A 0161 00`. */
function fromGenericForm(line: string): string {
  const [name, ttl, , type, mark, length, ...hex] = line.split(/\s+/);
  const rdata = Buffer.from(hex.join(''), 'hex');
  if (
    !name ||
    !/^\d+$/.test(ttl ?? '') ||
    !type?.startsWith('TYPE') ||
    mark !== '\\#' ||
    rdata.length !== Number(length)
  )
    throw new Error(`unexpected line of dig: ${line}`);
  return canonicalRecord(name, Number(ttl), Number(type.slice(4)), rdata);
}

function dig(server: Server, args: string[]): Promise<string> {
  const program = findProgram('dig');
  if (!program) throw new Error('dig is not installed (Debian: bind9-dnsutils)');
  const all = [`@${server.address}`, '-p', String(server.port), '+tries=1', '+time=3', ...args];
  return new Promise((resolve, reject) => {
    execFile(program, ['-r', ...all], { timeout: 20_000, maxBuffer: 1 << 28 }, (error, stdout) => {
      if (error) reject(new Error(`dig ${all.join(' ')}: ${stdout.trim() || error.message}`));
      else resolve(stdout);
    });
  });
}
