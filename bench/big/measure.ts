import { execFile } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '../../src/clock.ts';
import { frame } from '../../src/dns/framer.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery, serialSoa } from '../../src/dns/query.ts';
import { signRequest, type TsigKey } from '../../src/dns/tsig.ts';
import { TYPE } from '../../src/dns/types.ts';
import { BIG } from './zone.ts';

const run = promisify(execFile);

export const KEY: TsigKey = {
  name: absoluteName('bench.'),
  algorithm: 'hmac-sha256',
  secret: Buffer.from('a key for measuring alone, no secret'),
};

/** What one run of the client took. */
export interface Drained {
  transfers: number;
  seconds: number;
  clientCpu: number;
  records: number;
  messages: number;
  octets: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  serial: number;
}

/** The client, compiled for this machine. */
export class Client {
  readonly #program: string;
  readonly #folder: string;
  #asked = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#program = join(folder, 'drain');
  }

  static async compile(folder: string): Promise<Client> {
    const client = new Client(folder);
    await compile('drain', folder);
    return client;
  }

  async axfr(
    port: number,
    options: { signed?: boolean; transfers?: number; connections?: number } = {},
  ): Promise<Drained> {
    const query = buildQuery({ id: 0x4242, name: absoluteName(BIG), type: TYPE.AXFR });
    const bytes = options.signed ? signRequest(query, KEY, systemClock.now()).bytes : query;
    return this.#drain(port, [bytes], options.transfers ?? 1, options.connections ?? 1, 'fresh');
  }

  async ixfr(port: number, serial: number, transfers: number, how: 'fresh' | 'kept'): Promise<Drained> {
    const query = buildQuery({
      id: 0x4242,
      name: absoluteName(BIG),
      type: TYPE.IXFR,
      authoritySoa: serialSoa(serial),
    });
    return this.#drain(port, [query], transfers, 1, how);
  }

  /** One AXFR of each of these zones. */
  async zones(port: number, names: readonly string[]): Promise<Drained> {
    const queries = names.map((name) => buildQuery({ id: 1, name: absoluteName(name), type: TYPE.AXFR }));
    return this.#drain(port, queries, names.length, 32, 'kept');
  }

  async #drain(
    port: number,
    queries: readonly Buffer[],
    transfers: number,
    connections: number,
    how: string,
  ): Promise<Drained> {
    const file = join(this.#folder, `requests-${this.#asked++}`);
    await writeFile(file, Buffer.concat(queries.map((query) => frame(query))));
    const words = [String(port), file, String(transfers), String(connections), how];
    const { stdout } = await run(this.#program, words);
    const [
      done = 0,
      failed = 0,
      seconds = 0,
      clientCpu = 0,
      records = 0,
      messages = 0,
      octets = 0,
      ,
      p50 = 0,
      p99 = 0,
      ,
      serial = 0,
    ] = stdout.trim().split(' ').map(Number);
    if (failed > 0 || done !== transfers) throw new Error(`${failed} of ${transfers} transfers failed`);
    return { transfers: done, seconds, clientCpu, records, messages, octets, p50, p99, serial };
  }
}

export async function compile(program: string, folder: string): Promise<string> {
  const source = fileURLToPath(new URL(`${program}.c`, import.meta.url));
  await run('cc', ['-O2', '-o', join(folder, program), source]);
  return join(folder, program);
}

/** All octets of one AXFR, as many as they are known to be. */
export async function recordAnswer(port: number, octets: number): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.write(frame(buildQuery({ id: 0x4242, name: absoluteName(BIG), type: TYPE.AXFR })));
  const chunks: Buffer[] = [];
  let have = 0;
  for await (const chunk of socket) {
    chunks.push(chunk);
    have += chunk.length;
    if (have >= octets) break;
  }
  socket.destroy();
  return Buffer.concat(chunks);
}

/** Proportional set size of a process and all that it started, in MB: what they take of the machine's memory. */
export async function memoryOf(pid: number): Promise<number> {
  let kilobytes = 0;
  for (const one of await withChildren(pid)) {
    const text = await readFile(`/proc/${one}/smaps_rollup`, 'utf8').catch(() => '');
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  }
  return kilobytes / 1024;
}

async function withChildren(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const text = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    parents.set(Number(entry), Number(text.slice(text.lastIndexOf(')')).split(' ')[2]));
  }
  const found = [pid];
  for (const one of found) for (const [child, parent] of parents) if (parent === one) found.push(child);
  return found;
}
