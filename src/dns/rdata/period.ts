/**
 * Seconds from `3600` or from a time with units, `1h30m`, `2W`, in any case (the notation of BIND's zone files).
 * Gives undefined for anything else; the caller knows its own upper limit.
 */
export function parsePeriod(text: string): number | undefined {
  let total = 0;
  let value = -1;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 48 && code <= 57) {
      value = Math.max(value, 0) * 10 + (code - 48);
      continue;
    }
    const unit = secondsOf(code | 0x20);
    if (unit === 0 || value < 0) return undefined;
    total += value * unit;
    value = -1;
  }
  // A number without a unit is seconds when it stands alone, and a slip of the pen behind other units.
  if (value >= 0) return total === 0 && !/[a-z]/i.test(text) ? finite(value) : undefined;
  return text === '' ? undefined : finite(total);
}

function secondsOf(unit: number): number {
  switch (unit) {
    case 0x73: // s
      return 1;
    case 0x6d: // m
      return 60;
    case 0x68: // h
      return 3600;
    case 0x64: // d
      return 86400;
    case 0x77: // w
      return 604800;
    default:
      return 0;
  }
}

function finite(seconds: number): number | undefined {
  return seconds <= Number.MAX_SAFE_INTEGER ? seconds : undefined;
}
