/** SVCB and HTTPS (RFC 9460): a priority, a target that is never compressed, parameters in ascending order of keys. */
import { FormatError } from '../format-error.ts';
import { endOfName } from '../name.ts';
import { TYPE } from '../types.ts';
import { quote, RdataError } from './error.ts';
import { type Codec, type Field, plain } from './field.ts';
import { name, uint16 } from './fields.ts';
import { keyFromText, keyToText, parameterOf } from './service-parameters.ts';
import { octetsOf, quoted } from './strings.ts';

const svcb: Codec = plain([uint16('priority'), name('target'), parameters('parameters')], (rdata) => {
  const problem = inconsistency(rdata, endOfName(rdata, 2));
  if (problem !== undefined) throw new RdataError(problem);
});

export const serviceTypes: ReadonlyArray<readonly [number, Codec]> = [
  [TYPE.SVCB, svcb],
  [TYPE.HTTPS, svcb],
];

function parameters(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const found = new Map<number, Buffer>();
      while (!text.ended) {
        const { key, value } = parseParameter(text.word('a parameter such as alpn=h2'));
        if (found.has(key))
          throw new RdataError(`${keyToText(key)} is there twice: each parameter may stand once`);
        found.set(key, value);
      }
      // Ascending on the wire whatever the order in the text (RFC 9460, 2.2).
      for (const [key, value] of [...found].sort(([a], [b]) => a - b)) {
        if (value.length > 65535) throw new RdataError(`${keyToText(key)} is over 65535 octets`);
        wire.uint16(key);
        wire.uint16(value.length);
        wire.octets(value);
      }
    },
    end: (bytes, offset, limit) => {
      let previous = -1;
      for (const { key, start, end } of walk(bytes, offset, limit)) {
        if (key <= previous) throw new FormatError('service parameters are not in ascending order');
        if (!parameterOf(key).isValid(bytes.subarray(start, end))) {
          throw new FormatError(`the service parameter ${keyToText(key)} is malformed`);
        }
        previous = key;
      }
      return limit;
    },
    format: (bytes, offset, end) => {
      if (inconsistency(bytes, offset) !== undefined) return undefined;
      const texts: string[] = [];
      for (const parameter of walk(bytes, offset, end)) {
        const value = parameterOf(parameter.key).format(bytes.subarray(parameter.start, parameter.end));
        const key = keyToText(parameter.key);
        if (value.length === 0) texts.push(key);
        else
          texts.push(
            `${key}=${/^[\w.:,+/=-]+$/.test(value.toString('latin1')) ? value : quoted(value, 0, value.length)}`,
          );
      }
      return texts.join(' ');
    },
  };
}

/** `key`, `key=value` or `key="value"`. */
function parseParameter(word: string): { key: number; value: Buffer } {
  const equals = word.indexOf('=');
  const keyText = equals < 0 ? word : word.slice(0, equals);
  let valueText = equals < 0 ? '' : word.slice(equals + 1);
  if (valueText.startsWith('"')) valueText = valueText.slice(1, -1);
  const key = keyFromText(keyText);
  if (key === undefined) {
    throw new RdataError(
      `got ${quote(keyText)}: a parameter such as alpn, port, ipv4hint or key65280 is expected`,
    );
  }
  // A value written under the number of its key is taken octet for octet (RFC 9460, 2.1).
  const parameter = parameterOf(key);
  const octets = octetsOf(valueText);
  const value = /^key\d/i.test(keyText) ? octets : parameter.parse(octets);
  if (value === undefined || !parameter.isValid(value)) {
    throw new RdataError(`${keyText} has the value ${quote(valueText)}: ${parameter.expected} is expected`);
  }
  return { key, value };
}

/** What parameters that are right one by one must not be together; undefined where all is well. */
function inconsistency(rdata: Buffer, offset: number): string | undefined {
  const all = new Map<number, Buffer>();
  for (const { key, start, end } of walk(rdata, offset, rdata.length))
    all.set(key, rdata.subarray(start, end));
  if (rdata.readUInt16BE(0) === 0 && all.size > 0) {
    return 'priority 0 is an alias and takes no parameters (RFC 9460, 2.4.2): a priority from 1 is expected with parameters';
  }
  if (all.has(NO_DEFAULT_ALPN) && !all.has(ALPN))
    return 'no-default-alpn stands without alpn, which it needs';
  const mandatory = all.get(MANDATORY) ?? Buffer.alloc(0);
  for (let index = 0; index < mandatory.length; index += 2) {
    const key = mandatory.readUInt16BE(index);
    if (!all.has(key)) return `mandatory names ${keyToText(key)}, which is not there`;
  }
  return undefined;
}

function* walk(
  bytes: Buffer,
  offset: number,
  limit: number,
): Generator<{ key: number; start: number; end: number }> {
  for (let position = offset; position < limit; ) {
    if (position + 4 > limit) throw new FormatError('the data ends within a service parameter');
    const start = position + 4;
    const end = start + bytes.readUInt16BE(position + 2);
    if (end > limit) throw new FormatError('a service parameter runs past the end of its data');
    yield { key: bytes.readUInt16BE(position), start, end };
    position = end;
  }
}

const MANDATORY = 0;
const ALPN = 1;
const NO_DEFAULT_ALPN = 2;
