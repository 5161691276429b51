import { BlockList, isIPv6 } from 'node:net';

/** Whether an address is of this machine or of a private network: loopback, RFC 1918, RFC 6598, RFC 4193, link-local. */
export function isNear(ip: string): boolean {
  return NEAR.check(ip.replace(/%.*$/, ''), isIPv6(ip) ? 'ipv6' : 'ipv4');
}

const NEAR = new BlockList();
for (const [network, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
] as const)
  NEAR.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  NEAR.addSubnet(network, prefix, 'ipv6');
