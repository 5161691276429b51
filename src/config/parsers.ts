import { isIP } from 'node:net';
import { validate as isCronExpression } from 'node-cron';
import { type Endpoint, formatEndpoint, parseEndpoint } from '../endpoint.ts';
import { formatResolver, parseResolver, type ResolverAddress } from '../resolver-address.ts';

/** How the text of a setting becomes its value, and what a person is told when it can't. */
export interface Parser<T> {
  /** Continues the sentence `NAME: got "…", takes …`. */
  readonly takes: string;
  /** The value, or undefined where the text is not one. */
  parse(text: string): T | undefined;
}

/** A whole number from `least` to `most`, both included. */
export function wholeNumber(unit: string, least: number, most: number): Parser<number> {
  return {
    takes: `a whole number of ${unit} from ${least} to ${most}`,
    parse(text) {
      const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= least && value <= most ? value : undefined;
    },
  };
}

/** A share in percent; 100 is what "off" means. */
export function share(): Parser<number> {
  return {
    takes: 'a share from 0% to 100%, or "off"',
    parse(text) {
      const [, digits] = /^(\d{1,3})\s*%$/.exec(text) ?? [];
      const value = text === 'off' ? 100 : Number(digits ?? Number.NaN);
      return value >= 0 && value <= 100 ? value : undefined;
    },
  };
}

/** One of a few words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): Parser<Word> {
  return {
    takes: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text),
  };
}

/** Some of a few words between commas, none of them twice. */
export function someOf<const Word extends string>(...words: readonly Word[]): Parser<readonly Word[]> {
  return {
    takes: `${words.join(' or ')}, or both with a comma between`,
    parse(text) {
      const parts = text.split(',').map((part) => part.trim());
      const found = words.filter((word) => parts.includes(word));
      return found.length === parts.length ? found : undefined;
    },
  };
}

/** A URL of one of the schemes; the text is handed on as it is. */
export function url(example: string, ...schemes: string[]): Parser<string> {
  return {
    takes: `a URL like ${example}`,
    parse(text) {
      const parsed = URL.canParse(text) ? new URL(text) : undefined;
      return parsed && schemes.includes(parsed.protocol.slice(0, -1)) ? text : undefined;
    },
  };
}

/** One endpoint; `port` where the text has none. */
export function endpoint(port: number): Parser<Endpoint> {
  return {
    takes: `ip:port or [ip6]:port (port ${port} where none stands)`,
    parse: (text) => parseEndpoint(text, port),
  };
}

/** Endpoints between commas, none of them twice. */
export function endpoints(port: number): Parser<readonly Endpoint[]> {
  return {
    takes: `ip:port or [ip6]:port, several between commas, none twice (port ${port} where none stands)`,
    parse(text) {
      const list = text.split(',').map((part) => parseEndpoint(part, port));
      const valid = list.filter((item) => item !== undefined);
      // Port 0 is "any free port" and may stand twice.
      const fixed = valid.filter((item) => item.port !== 0).map(formatEndpoint);
      return valid.length === list.length && new Set(fixed).size === fixed.length ? valid : undefined;
    },
  };
}

/** Recursive resolvers between commas, none of them twice. */
export function resolvers(): Parser<readonly ResolverAddress[]> {
  return {
    takes:
      'ip:port or [ip6]:port (port 53 where none stands), tls://ip:port#name or https://host/path, several between commas, none twice',
    parse(text) {
      const list = text.split(',').map(parseResolver);
      const valid = list.filter((item) => item !== undefined);
      const isSet = new Set(valid.map(formatResolver)).size === list.length;
      return valid.length === list.length && isSet ? valid : undefined;
    },
  };
}

/** A number a second, or `auto`. */
export function rate(): Parser<number | 'auto'> {
  const number = wholeNumber('questions a second', 0, 1_000_000);
  return {
    takes: `${number.takes}, or "auto"`,
    parse: (text) => (text === 'auto' ? 'auto' : number.parse(text)),
  };
}

/** IP addresses between commas, at most one of each family. */
export function addressPerFamily(): Parser<{ readonly ipv4?: string; readonly ipv6?: string }> {
  return {
    takes: 'an IP address, or an IPv4 and an IPv6 address with a comma between',
    parse(text) {
      const found: { ipv4?: string; ipv6?: string } = {};
      for (const part of text.split(',').map((item) => item.trim())) {
        const family = isIP(part);
        const field = family === 4 ? 'ipv4' : 'ipv6';
        if (family === 0 || found[field] !== undefined) return undefined;
        found[field] = part;
      }
      return found;
    },
  };
}

/** A node-cron expression of five or six fields. */
export function cronExpression(): Parser<string> {
  return {
    takes: 'a cron expression of five fields, or six with the seconds first, like */10 * * * * *',
    // node-cron writes ranges out before it looks at their ends
    parse: (text) => (text.length <= 500 && !/\d{5}/.test(text) && isCronExpression(text) ? text : undefined),
  };
}

/** A path, as written. */
export function path(): Parser<string> {
  return { takes: 'the path of a readable file', parse: (text) => (text.includes('\0') ? undefined : text) };
}

/** Any text. */
export function text(): Parser<string> {
  return { takes: 'a text', parse: (written) => written };
}

/** 32 octets in base64, several between commas. */
export function keys(): Parser<readonly string[]> {
  return {
    takes: '32 octets in base64, such as "openssl rand -base64 32" prints, several between commas',
    parse(text) {
      const list = text.split(',').map((part) => part.trim());
      return list.every((part) => /^[A-Za-z0-9+/]{43}=$/.test(part)) ? list : undefined;
    },
  };
}

/** A token that fits in an HTTP header. */
export function token(): Parser<string> {
  return {
    takes: 'visible ASCII characters without blanks, as they go into an HTTP header',
    parse: (text) => (/^[\x21-\x7e]+$/.test(text) ? text : undefined),
  };
}
