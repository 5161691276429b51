import { getCACertificates } from 'node:tls';
import { messageOf, oneLine } from '../errors.ts';

/** The authorities that certificates of resolvers may come from: those that Node.js brings, and ours. */
export function trusted(ca: string | undefined): { ca?: string[] } {
  return ca === undefined ? {} : { ca: [...getCACertificates(), ca] };
}

/** Why a connection over TLS did not come about, in words for people. */
export function tlsProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = PROBLEMS[code];
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { host, cert } = error as Error & { host?: string; cert?: { subjectaltname?: string } };
    const names = oneLine(cert?.subjectaltname ?? 'no name', 200);
    return `its certificate is not for ${host ?? 'it'}, but for ${names}`;
  }
  return text ?? messageOf(error);
}

const UNTRUSTED =
  'its certificate comes from an authority that is not trusted here (RESOLVE_CA takes further ones)';

const PROBLEMS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  CERT_REVOKED: 'its certificate was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself (RESOLVE_CA takes it as an authority)',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'it does not speak DNS here (no common protocol)',
  ECONNREFUSED: 'nobody listens there (ECONNREFUSED)',
};
