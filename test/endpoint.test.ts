import { expect, test } from 'vitest';
import { formatEndpoint, isLoopback, parseEndpoint } from '../src/endpoint.ts';

test.each([
  ['192.0.2.1', '192.0.2.1', 53],
  [' 192.0.2.1:5300 ', '192.0.2.1', 5300],
  ['192.0.2.1@5300', '192.0.2.1', 5300],
  ['2001:db8::1', '2001:db8::1', 53],
  ['[2001:db8::1]', '2001:db8::1', 53],
  ['[2001:db8::1]:5300', '2001:db8::1', 5300],
  ['2001:db8::1@5300', '2001:db8::1', 5300],
])('%s is read', (text, ip, port) => {
  expect(parseEndpoint(text, 53)).toEqual({ ip, port });
});

test.each([
  '',
  'host',
  'host:53',
  '192.0.2.1:',
  '192.0.2.1:65536',
  '192.0.2.1:-1',
  '[192.0.2.1]:53',
  '192.0.2.256',
  '[::1',
  '1@2@3',
])('"%s" is refused', (text) => {
  expect(parseEndpoint(text, 53)).toBeUndefined();
});

test('is written so that it can be read again', () => {
  expect(formatEndpoint({ ip: '192.0.2.1', port: 53 })).toBe('192.0.2.1:53');
  expect(formatEndpoint({ ip: '2001:db8::1', port: 53 })).toBe('[2001:db8::1]:53');
});

test('loopback is known in every spelling', () => {
  const all = ['127.0.0.1', '127.9.9.9', '::1', '0:0::1', '::ffff:127.0.0.1'];
  const none = ['0.0.0.0', '::', '192.0.2.1', 'fe80::1', '::ffff:192.0.2.1', 'localhost'];
  expect(all.filter((ip) => !isLoopback(ip))).toEqual([]);
  expect(none.filter((ip) => isLoopback(ip))).toEqual([]);
});
