/** Types that hold keys, digests and certificates for others to check. */
import { TYPE } from '../types.ts';
import { base64, checkDigest, hex } from './binary.ts';
import { type Codec, plain } from './field.ts';
import { uint8, uint16 } from './fields.ts';

/** DNSSEC algorithm numbers by mnemonic (IANA "DNS Security Algorithm Numbers"). */
export const ALGORITHM: Readonly<Record<string, number>> = {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  'DSA-NSEC3-SHA1': 6,
  'RSASHA1-NSEC3-SHA1': 7,
  RSASHA256: 8,
  RSASHA512: 10,
  'ECC-GOST': 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
};

/** Certificate types by mnemonic (RFC 4398, 2.1). */
const CERTIFICATE: Readonly<Record<string, number>> = {
  PKIX: 1,
  SPKI: 2,
  PGP: 3,
  IPKIX: 4,
  ISPKI: 5,
  IPGP: 6,
  ACPKIX: 7,
  IACPKIX: 8,
  URI: 253,
  OID: 254,
};

// Octets of a digest by its type: RFC 4255 and RFC 6594; RFC 6698, 7.4; RFC 4034, RFC 4509, RFC 5933, RFC 6605.
const SSHFP_OCTETS = { 1: 20, 2: 32 };
const TLSA_OCTETS = { 1: 32, 2: 64 };
const DS_OCTETS = { 1: 20, 2: 32, 3: 32, 4: 48 };

const tlsa = plain(
  [uint8('usage'), uint8('selector'), uint8('matching type'), hex('association data')],
  (rdata) => checkDigest(rdata, 3, rdata[2]!, TLSA_OCTETS),
);
const ds = plain(
  [uint16('key tag'), uint8('algorithm', ALGORITHM), uint8('digest type'), hex('digest')],
  (rdata) => checkDigest(rdata, 4, rdata[3]!, DS_OCTETS),
);
const dnskey = plain([
  uint16('flags'),
  uint8('protocol'),
  uint8('algorithm', ALGORITHM),
  base64('public key'),
]);

export const keyTypes: ReadonlyArray<readonly [number, Codec]> = [
  [
    TYPE.SSHFP,
    plain([uint8('algorithm'), uint8('fingerprint type'), hex('fingerprint')], (rdata) =>
      checkDigest(rdata, 2, rdata[1]!, SSHFP_OCTETS),
    ),
  ],
  [TYPE.TLSA, tlsa],
  [TYPE.SMIMEA, tlsa],
  [TYPE.DS, ds],
  [TYPE.DLV, ds],
  // "0 0 0 00" and "0 3 0 AA==" withdraw a delegation's keys (RFC 8078, 4): digest type 0 has no length of its own.
  [TYPE.CDS, ds],
  [TYPE.DNSKEY, dnskey],
  [TYPE.CDNSKEY, dnskey],
  [
    TYPE.CERT,
    plain([
      uint16('type', CERTIFICATE),
      uint16('key tag'),
      uint8('algorithm', ALGORITHM),
      base64('certificate'),
    ]),
  ],
  [TYPE.OPENPGPKEY, plain([base64('key')])],
  [TYPE.DHCID, plain([base64('identity')])],
];
