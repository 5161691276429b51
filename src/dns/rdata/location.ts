/** LOC: where on Earth (RFC 1876). One field of sixteen octets whose text has 3 to 13 words. */
import { TYPE } from '../types.ts';
import { quote, RdataError } from './error.ts';
import { type Codec, type Field, plain } from './field.ts';
import { fixed } from './fields.ts';
import type { RdataText } from './text.ts';

export const locationTypes: ReadonlyArray<readonly [number, Codec]> = [
  [TYPE.LOC, plain([location('position')])],
];

// Angles are thousandths of a second of arc around 2^31, the equator and the prime meridian (RFC 1876, 2).
const MIDDLE = 2 ** 31;
const PER_DEGREE = 3_600_000;
// Altitudes are centimetres above 100,000 m below the reference spheroid.
const BASE_CENTIMETRES = 10_000_000;
const MAX_PRECISION = 9e9;

function location(label: string): Field {
  return {
    label,
    isName: false,
    parse: (text, wire) => {
      const latitude = angle(text, 'latitude', 90, 'N', 'S');
      const longitude = angle(text, 'longitude', 180, 'E', 'W');
      const altitude = centimetres(
        text.word('an altitude such as 10m'),
        -BASE_CENTIMETRES,
        0xffffffff - BASE_CENTIMETRES,
      );
      const [size, horizontal, vertical] = ['1m', '10000m', '10m'].map((usual) =>
        precision(centimetres(text.ended ? usual : text.word('a size such as 1m'), 0, MAX_PRECISION)),
      );
      wire.uint8(0);
      wire.uint8(size!);
      wire.uint8(horizontal!);
      wire.uint8(vertical!);
      wire.uint32(latitude);
      wire.uint32(longitude);
      wire.uint32(altitude + BASE_CENTIMETRES);
    },
    end: fixed(16),
    format: (bytes, offset) => {
      const latitude = formatAngle(bytes.readUInt32BE(offset + 4), 90, 'N', 'S');
      const longitude = formatAngle(bytes.readUInt32BE(offset + 8), 180, 'E', 'W');
      const altitude = formatCentimetres(bytes.readUInt32BE(offset + 12) - BASE_CENTIMETRES);
      const precisions = [1, 2, 3].map((index) => formatPrecision(bytes[offset + index]!));
      // Other versions and values out of range have no text: they are shown in the generic form.
      if (bytes[offset] !== 0 || latitude === undefined || longitude === undefined) return undefined;
      return precisions.includes(undefined)
        ? undefined
        : [latitude, longitude, altitude, ...precisions].join(' ');
    },
  };
}

/** `d [m [s[.fff]]] N|S` */
function angle(text: RdataText, what: string, maximum: number, positive: string, negative: string): number {
  const expected = `a ${what} such as 52 22 23.000 ${positive}`;
  const parts: number[] = [];
  for (;;) {
    const word = text.word(expected);
    const direction = word.toUpperCase();
    if (direction === positive || direction === negative) {
      const [degrees = Number.NaN, minutes = 0, thousandths = 0] = parts;
      const value = degrees * PER_DEGREE + minutes * 60_000 + thousandths;
      if (!(value <= maximum * PER_DEGREE))
        throw new RdataError(`a ${what} of at most ${maximum} degrees is expected`);
      return direction === positive ? MIDDLE + value : MIDDLE - value;
    }
    const isSeconds = parts.length === 2;
    const isNumber = isSeconds ? /^\d{1,2}(\.\d{1,3})?$/.test(word) : /^\d{1,3}$/.test(word);
    if (!isNumber || parts.length > 2 || (parts.length > 0 && Number(word) >= 60)) {
      throw new RdataError(`got ${quote(word)}: ${expected} is expected`);
    }
    parts.push(isSeconds ? Math.round(Number(word) * 1000) : Number(word));
  }
}

function formatAngle(value: number, maximum: number, positive: string, negative: string): string | undefined {
  const distance = Math.abs(value - MIDDLE);
  if (distance > maximum * PER_DEGREE) return undefined;
  const seconds = (distance % 60_000) / 1000;
  const minutes = Math.floor(distance / 60_000) % 60;
  return `${Math.floor(distance / PER_DEGREE)} ${minutes} ${seconds.toFixed(3)} ${value < MIDDLE ? negative : positive}`;
}

/** `-2.5m`, `10` to whole centimetres. */
function centimetres(word: string, minimum: number, maximum: number): number {
  const [, sign, metres, fraction = ''] = /^(-?)(\d{1,10})(?:\.(\d{1,2}))?m?$/i.exec(word) ?? [];
  const size = Number(metres) * 100 + Number(fraction.padEnd(2, '0'));
  const value = sign === '-' ? -size : size;
  if (!(value >= minimum && value <= maximum)) {
    throw new RdataError(`got ${quote(word)}: metres from ${minimum / 100} to ${maximum / 100} are expected`);
  }
  return value;
}

function formatCentimetres(value: number): string {
  const size = Math.abs(value);
  const cents = size % 100;
  return `${value < 0 ? '-' : ''}${Math.floor(size / 100)}${cents === 0 ? '' : `.${String(cents).padStart(2, '0')}`}m`;
}

/** One digit and a power of ten in one octet (RFC 1876, 2); digits that don't fit are dropped. */
function precision(value: number): number {
  let mantissa = value;
  let exponent = 0;
  for (; mantissa >= 10; exponent++) mantissa = Math.floor(mantissa / 10);
  return (mantissa << 4) | exponent;
}

function formatPrecision(octet: number): string | undefined {
  const mantissa = octet >>> 4;
  const exponent = octet & 15;
  if (mantissa > 9 || exponent > 9 || (mantissa === 0 && exponent > 0)) return undefined;
  return formatCentimetres(mantissa * 10 ** exponent);
}
