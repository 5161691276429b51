import { isIP } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { OPTIONS_COMMENT, optionsInComment, optionsInWords } from '../../../src/cli/alias-options.ts';
import {
  addresses,
  domainName,
  list,
  ranges,
  server,
  zoneName,
  zonesOrAll,
} from '../../../src/cli/arguments.ts';
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../../src/dns/rdata/address-text.ts';
import { parsePeriod } from '../../../src/dns/rdata/period.ts';
import { isLoopback, parseEndpoint } from '../../../src/endpoint.ts';
import { networkOf } from '../../../src/http/rate-limit.ts';
import type { AliasOptions } from '../../../src/zone/record.ts';
import { holds, type Target, unless } from './target.ts';

export const address: Target = {
  about: 'IP addresses as text, held against those of Node.js',
  dictionary: ['::', '::ffff:', '1.2.3.4', '.255', ':0', 'fe80', '%1', '/64', '2001:db8:', '[', ']'],
  longest: 60,
  run: (input) => {
    const text = input.toString();
    const four = parseIpv4(text);
    holds(
      (four !== undefined) === (isIP(text) === 4),
      () => `${JSON.stringify(text)}: an IPv4 address or none`,
    );
    if (four) holds(formatIpv4(four) === text, () => `${text} is read back as ${formatIpv4(four)}`);
    const six = parseIpv6(text);
    // a zone index is for sockets, not for records
    const isSix = isIP(text) === 6 && !text.includes('%');
    holds((six !== undefined) === isSix, () => `${JSON.stringify(text)}: an IPv6 address or none`);
    if (six) {
      const theirs = (written: string) => new URL(`http://[${written}]/`).hostname;
      const ours = formatIpv6(six);
      holds(theirs(ours) === theirs(text), () => `${text} is read back as ${ours}`);
      holds(
        networkOf(text).endsWith('::/64') || text.startsWith('::ffff:'),
        () => `${networkOf(text)} of ${text}`,
      );
    }
    networkOf(text);
    isLoopback(text);
  },
};

const USUAL: AliasOptions = { answers: 'stable', fallback: [], debugTxt: false };

export const words: Target = {
  about: 'arguments of the command line: names, lists, addresses, ranges, times, options of an ALIAS',
  dictionary: [
    '192.0.2.0/24',
    '2001:db8::/32',
    '/',
    ',',
    'all',
    '1h30m',
    '2W',
    '10.0.0.1@53',
    'answers=exact',
    ' fallback=',
    '::1,',
    'debug-txt=on',
    OPTIONS_COMMENT,
  ],
  longest: 200,
  run: (input) => {
    const text = input.toString();
    for (const read of [zoneName, domainName, zonesOrAll, addresses, ranges, server])
      unless([InvalidArgumentError], () => read(text));
    for (const part of unless([InvalidArgumentError], () => ranges(text)) ?? [])
      holds(isIP(part.split('/')[0]!) !== 0, () => `${part} is no range`);
    holds(list(list(text).join()).join() === list(text).join(), () => 'another list');
    const endpoint = unless([InvalidArgumentError], () => server(text));
    holds(endpoint === undefined || parseEndpoint(text, 53)?.ip === endpoint.ip, () => 'another server');
    const seconds = parsePeriod(text);
    if (seconds !== undefined) holds(parsePeriod(String(seconds)) === seconds, () => `${text} is ${seconds}`);
    const given = optionsInComment(`a ALIAS b ${OPTIONS_COMMENT} ${text}`);
    if (given === undefined) return;
    const options: AliasOptions = { ...USUAL, ...given };
    const again = optionsInComment(`${OPTIONS_COMMENT} ${optionsInWords(options)}`) ?? {};
    const whole: AliasOptions = { ...USUAL, ...again };
    holds(
      JSON.stringify(whole) === JSON.stringify(options),
      () => `${JSON.stringify(options)} is read back as ${JSON.stringify(whole)}`,
    );
  },
};
