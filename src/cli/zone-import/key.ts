import { absoluteName } from '../../dns/name.ts';
import { TSIG_ALGORITHMS, type TsigAlgorithm, type TsigKey } from '../../dns/tsig.ts';
import { UserError } from '../../errors.ts';
import { findKey } from '../../store/keys.ts';
import type { Session } from '../database.ts';

const FORM = 'takes the name of a key of ours, or [ALGORITHM:]NAME:BASE64 as dig -y does';

/** The key of `--key`: one of ours by its name, or one written out as `dig -y` takes it. The secret is in no message. */
export async function keyOf(text: string, { pool, secrets }: Session): Promise<TsigKey> {
  const parts = text.split(':');
  if (parts.length === 1) {
    const found = await findKey(pool, secrets, text);
    if (!found) throw new UserError(`no key ${text}: option --key ${FORM}`);
    return {
      name: absoluteName(found.name),
      algorithm: algorithmOf(found.algorithm),
      secret: Buffer.from(found.secret, 'base64'),
    };
  }
  const [secret = '', name = '', algorithm = 'hmac-sha256', ...more] = parts.reverse();
  const octets = Buffer.from(secret, 'base64');
  if (more.length > 0 || octets.length === 0) throw new UserError(`option --key ${FORM}`, 2);
  return { name: absoluteName(name), algorithm: algorithmOf(algorithm), secret: octets };
}

function algorithmOf(text: string): TsigAlgorithm {
  const known = Object.keys(TSIG_ALGORITHMS).find((name) => name === text.toLowerCase());
  if (known === undefined)
    throw new UserError(
      `option --key: got the algorithm "${text}", takes ${Object.keys(TSIG_ALGORITHMS).join(', ')}`,
      2,
    );
  return known as TsigAlgorithm;
}
