import { absoluteName, formatName, NameError, nameKey, parseName } from '../dns/name.ts';
import { canonicalRdata, formatRdata, parseRdata, RdataError } from '../dns/rdata/index.ts';
import { typeFromText, typeToText } from '../dns/types.ts';
import { UserError } from '../errors.ts';

// The words that name a record, on the command line and in the API. What can't be served is refused here with the record's name.

/** A record's name as in a zone file, made absolute. */
export function ownerOf(name: string, zone: string): string {
  try {
    return formatName(parseName(name, absoluteName(zone)));
  } catch (error) {
    if (error instanceof NameError) throw new UserError(`record "${name}": ${error.message}`);
    throw error;
  }
}

/** The type as the database spells it; a word that it does not know either is left to it to refuse. */
export function typeOf(owner: string, text: string): string {
  if (/^(alias|aname)$/i.test(text)) return 'ALIAS';
  const type = typeFromText(text);
  if (type === undefined)
    throw new UserError(
      `record ${owner} "${text}": an unknown type; expected a mnemonic such as A, MX or ALIAS, or TYPEnnn`,
    );
  return typeToText(type);
}

/** A TTL in range. */
export function ttlOf(owner: string, type: string, ttl: number): number {
  if (ttl < 0 || ttl > 2_147_483_647)
    throw new UserError(
      `record ${owner} ${type}: the TTL ${ttl} is out of range, expected 0 to 2147483647 seconds`,
    );
  return ttl;
}

/** The content as the full encoder reads it: what only that can refuse is refused here, and not set aside later. */
export function normalContent(owner: string, type: string, content: string): string {
  try {
    if (type === 'ALIAS') return formatName(absoluteName(content));
    const number = typeFromText(type) ?? 0;
    return formatRdata(number, parseRdata(number, content));
  } catch (error) {
    if (error instanceof RdataError || error instanceof NameError)
      throw new UserError(`record ${owner} ${type} "${content.slice(0, 80)}": ${error.message}`);
    throw error;
  }
}

/** Equal for equal data in any spelling; for data that can't be encoded, the text itself. */
export function identity(type: string, content: string): string {
  try {
    if (type === 'ALIAS') return nameKey(absoluteName(content));
    const number = typeFromText(type) ?? 0;
    return canonicalRdata(number, parseRdata(number, content)).toString('hex');
  } catch {
    return `"${content}"`;
  }
}
