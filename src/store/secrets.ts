import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const FORM = /^aes256gcm:([0-9a-f]{8}):([A-Za-z0-9+/=]+)$/;
const NONCE_OCTETS = 12;
const TAG_OCTETS = 16;
/** Said to the cipher with each secret, so that nothing else encrypted with the same key passes for one. */
const PURPOSE = Buffer.from('zoneferry tsig secret');

/**
 * Encrypts TSIG secrets for the database, and opens them again: AES-256-GCM under SECRET_KEY, with a nonce of its own each. Without a
 * key they stand there in base64, as a platform writes them.
 */
export class Secrets {
  readonly #keys: readonly { id: string; key: Buffer }[];

  /** @param keys of 32 octets, in base64: the first encrypts, all open */
  constructor(keys: readonly string[] = []) {
    this.#keys = keys.map((text) => {
      const key = Buffer.from(text, 'base64');
      return { id: idOf(key), key };
    });
  }

  /** The text to store for a secret. */
  seal(secret: Buffer): string {
    const [first] = this.#keys;
    if (!first) return secret.toString('base64');
    const nonce = randomBytes(NONCE_OCTETS);
    const cipher = createCipheriv('aes-256-gcm', first.key, nonce).setAAD(PURPOSE);
    const sealed = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    return `aes256gcm:${first.id}:${sealed.toString('base64')}`;
  }

  /** The secret of a stored text; undefined where it was encrypted with a key that is not here, or was tampered with. */
  open(stored: string): Buffer | undefined {
    const [, id, text = ''] = FORM.exec(stored) ?? [];
    // cut off behind its colons it is no base64 that anybody wrote, but would be read as some
    if (id === undefined) return stored.includes(':') ? undefined : Buffer.from(stored, 'base64');
    const key = this.#keys.find((candidate) => candidate.id === id)?.key;
    const sealed = Buffer.from(text, 'base64');
    if (!key || sealed.length < NONCE_OCTETS + TAG_OCTETS) return undefined;
    const opening = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_OCTETS))
      .setAAD(PURPOSE)
      .setAuthTag(sealed.subarray(-TAG_OCTETS));
    try {
      return Buffer.concat([opening.update(sealed.subarray(NONCE_OCTETS, -TAG_OCTETS)), opening.final()]);
    } catch {
      return undefined;
    }
  }

  /** How a stored text begins that needs no sealing any more; undefined where nothing is sealed. */
  get prefix(): string | undefined {
    return this.#keys[0] && `aes256gcm:${this.#keys[0].id}:`;
  }
}

/** Tells keys apart in the database, and nothing else of them. */
function idOf(key: Buffer): string {
  return createHash('sha256').update('zoneferry secret key').update(key).digest('hex').slice(0, 8);
}
