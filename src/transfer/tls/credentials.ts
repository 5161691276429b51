import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { messageOf, UserError } from '../../errors.ts';
import type { Log } from '../../log.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  /** Our certificate, with those between it and the authority behind it. */
  readonly cert: string;
  readonly key: string;
  /** Authorities of the clients that are let in; without it no client shows a certificate. */
  readonly clientCa?: string;
  /** How the settings of these files begin; default `TLS`: TLS_CERT, TLS_KEY, TLS_CLIENT_CA. */
  readonly settings?: 'TLS' | 'HTTP_TLS';
}

/** What the files hold, checked. */
export type TlsMaterial = Pick<SecureContextOptions, 'cert' | 'key' | 'ca'>;

/**
 * Reads certificate, key and authorities, and makes sure that they work together.
 *
 * @throws UserError that names the setting whose file can't be used
 */
export async function readCredentials(
  files: TlsFiles,
): Promise<{ material: TlsMaterial; certificate: X509Certificate }> {
  const { settings = 'TLS' } = files;
  const [CERT, KEY, CLIENT_CA] = [`${settings}_CERT`, `${settings}_KEY`, `${settings}_CLIENT_CA`];
  const cert = await read(CERT, files.cert);
  const [certificate] = certificatesOf(CERT, files.cert, cert);
  const key = await read(KEY, files.key);
  if (!certificate!.checkPrivateKey(privateKeyOf(KEY, files.key, key))) {
    throw bad(KEY, files.key, `the private key of the certificate in ${CERT}, ${files.cert}`);
  }
  const material: TlsMaterial = { cert, key };
  if (files.clientCa !== undefined) {
    material.ca = await read(CLIENT_CA, files.clientCa);
    certificatesOf(CLIENT_CA, files.clientCa, material.ca);
  }
  try {
    createSecureContext(material);
  } catch (error) {
    throw bad(CERT, files.cert, `what the TLS library can use: ${messageOf(error)}`);
  }
  return { material, certificate: certificate! };
}

/**
 * Looks at the files again and again, and hands on what they hold after each change. Files that can't be used change
 * nothing but the log: what was in force stays.
 */
export class CredentialFollower {
  readonly #files: TlsFiles;
  readonly #log: Log;
  readonly #onChange: (material: TlsMaterial) => void;
  readonly #everyMs: number;
  #judged = '';
  #seen = '';
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(
    files: TlsFiles,
    parts: { log: Log; everyMs: number; onChange: (material: TlsMaterial) => void },
  ) {
    this.#files = files;
    this.#log = parts.log;
    this.#everyMs = parts.everyMs;
    this.#onChange = parts.onChange;
  }

  /**
   * Hands on what the files hold now, and follows them from here on.
   *
   * @throws UserError where they can't be used
   */
  async start(): Promise<void> {
    // Before reading: what is written meanwhile is a change.
    this.#judged = await signatureOf(this.#files);
    this.#seen = this.#judged;
    await this.#load();
    this.#timer = setInterval(() => void this.#look(), this.#everyMs).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const now = await signatureOf(this.#files);
      const rests = now === this.#seen;
      this.#seen = now;
      // Certificate and key are two files: a pair half written is given the time until the next look.
      if (now === this.#judged || !rests) return;
      this.#judged = now;
      await this.#load();
    } catch (error) {
      this.#log.error(
        { reason: messageOf(error) },
        `new TLS files can not be used, those before stay in force: ${messageOf(error)}`,
      );
    } finally {
      this.#looking = false;
    }
  }

  async #load(): Promise<void> {
    const { material, certificate } = await readCredentials(this.#files);
    this.#onChange(material);
    const subject = certificate.subject.replaceAll('\n', ', ');
    this.#log.info(
      { subject, validUntil: certificate.validTo, fingerprint: certificate.fingerprint256 },
      `TLS certificate of ${subject} is in force, valid until ${certificate.validTo}`,
    );
  }
}

/** What changes when a file does, also when a link comes to point elsewhere. */
async function signatureOf({ cert, key, clientCa }: TlsFiles): Promise<string> {
  const parts = [cert, key, ...(clientCa === undefined ? [] : [clientCa])].map(async (path) => {
    try {
      const { ino, size, mtimeMs, ctimeMs } = await stat(path);
      return [ino, size, mtimeMs, ctimeMs].join(':');
    } catch {
      return 'missing';
    }
  });
  return (await Promise.all(parts)).join(' ');
}

async function read(setting: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw bad(setting, path, `the path of a readable file: ${messageOf(error)}`);
  }
}

function certificatesOf(setting: string, path: string, pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw bad(setting, path, 'a PEM file with a certificate: there is none in it');
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (error) {
    throw bad(setting, path, `a PEM file with certificates: ${messageOf(error)}`);
  }
}

function privateKeyOf(setting: string, path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    throw bad(setting, path, 'a PEM file with a private key that has no passphrase');
  }
}

function bad(setting: string, path: string, takes: string): UserError {
  return new UserError(`${setting}: got "${path}", takes ${takes}`);
}
