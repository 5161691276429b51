/** Certificates for tests, made at run time by openssl: nothing of them is kept. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './secondaries/server-process.ts';

const execute = promisify(execFile);

/** A certificate with its key: paths of PEM files, and what is in them. */
export interface Certificate {
  certFile: string;
  keyFile: string;
  cert: string;
  key: string;
}

/** An authority of its own, with the certificates that it issues in one temporary folder. */
export class Authority {
  readonly folder: string;
  readonly caFile: string;
  readonly ca: string;
  #issued = 0;

  private constructor(folder: string, caFile: string, ca: string) {
    this.folder = folder;
    this.caFile = caFile;
    this.ca = ca;
  }

  static async make(name = 'Test Authority'): Promise<Authority> {
    const folder = await mkdtemp(join(tmpdir(), 'certificates-'));
    const caFile = join(folder, 'ca.pem');
    await openssl(folder, 'req', '-x509', ...NEW_KEY, 'ca.key', '-out', 'ca.pem', '-subj', `/CN=${name}`);
    return new Authority(folder, caFile, await readFile(caFile, 'utf8'));
  }

  /** A certificate for this name, good for both ends of a connection from yesterday for two days. */
  async issue(name: string, subjectAltName = `DNS:${name},IP:127.0.0.1`): Promise<Certificate> {
    const file = `${++this.#issued}-${name}`;
    const [certFile, keyFile] = [join(this.folder, `${file}.pem`), join(this.folder, `${file}.key`)];
    await writeFile(join(this.folder, `${file}.ext`), `subjectAltName=${subjectAltName}\n`);
    await openssl(this.folder, 'req', ...NEW_KEY, keyFile, '-out', `${file}.csr`, '-subj', `/CN=${name}`);
    await openssl(
      this.folder,
      ...['x509', '-req', '-in', `${file}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', `${file}.ext`, '-out', certFile],
    );
    return {
      certFile,
      keyFile,
      cert: await readFile(certFile, 'utf8'),
      key: await readFile(keyFile, 'utf8'),
    };
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout'];

async function openssl(folder: string, ...args: string[]): Promise<void> {
  const program = findProgram('openssl');
  if (!program) throw new Error('openssl is not installed, and tests of TLS need it');
  await execute(program, args, { cwd: folder });
}
