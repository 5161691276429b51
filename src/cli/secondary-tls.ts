import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../config.ts';
import { messageOf, UserError } from '../errors.ts';
import { warn } from './output.ts';
import type { SecondaryTls } from './secondary-config.ts';

/** The options of `secondary config` about TLS, as they were given. Paths are those of the secondary. */
export interface TlsOptions {
  /** The name, or true where none was given. */
  tls?: string | true;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
}

export function tlsOptions(command: Command): Command {
  return command
    .option('--tls [name]', 'zones over TLS; the name in our certificate, by default its first', hostName)
    .option(
      '--tls-ca <file>',
      "on the secondary: the authority of our certificate, if not one of the machine's",
      file,
    )
    .option('--tls-cert <file>', 'on the secondary: its own certificate, for TLS_CLIENT_CA', file)
    .option('--tls-key <file>', 'on the secondary: the key of --tls-cert', file);
}

/**
 * What the secondary needs for TLS; undefined where it was not asked for.
 *
 * @throws UserError where this service has no TLS, or the secondary would be let in without what we ask of it
 */
export function secondaryTls(options: TlsOptions, service: Config): SecondaryTls | undefined {
  const { tls, tlsCa, tlsCert, tlsKey } = options;
  if (tls === undefined) {
    if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) return undefined;
    throw new UserError('--tls-ca, --tls-cert and --tls-key go with --tls', 2);
  }
  if (service.tls === undefined)
    throw new UserError('TLS_LISTEN is unset: set it with TLS_CERT and TLS_KEY, or leave --tls out');
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UserError('--tls-cert and --tls-key go together', 2);
  if (service.tls.clientCa !== undefined && tlsCert === undefined)
    throw new UserError(
      'TLS_CLIENT_CA is set, so the secondary has to show a certificate: say where it has it with --tls-cert and --tls-key',
    );
  return {
    name: nameFor(tls, service.tls.cert),
    ...(tlsCa === undefined ? {} : { ca: tlsCa }),
    ...(tlsCert === undefined || tlsKey === undefined ? {} : { certificate: { cert: tlsCert, key: tlsKey } }),
  };
}

function nameFor(asked: string | true, path: string): string {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(path));
  } catch (error) {
    throw new UserError(`TLS_CERT: got "${path}", takes a PEM file with a certificate: ${messageOf(error)}`);
  }
  if (asked !== true) {
    if (certificate.checkHost(asked) === undefined)
      warn(`the certificate in TLS_CERT is not for ${asked}: the secondary will not believe it`);
    return asked;
  }
  const first = /(?:^|, )DNS:([A-Za-z0-9.-]+)/.exec(certificate.subjectAltName ?? '')?.[1];
  if (first === undefined)
    throw new UserError('the certificate in TLS_CERT has no DNS name: give the name with --tls NAME');
  return first;
}

/** Written between quotes into files of three grammars, so nothing stands in it that any of them could take for itself. */
function hostName(text: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text))
    throw new InvalidArgumentError('It takes a host name.');
  return text;
}

function file(text: string): string {
  if (!/^[^"\\\p{Cc}]+$/u.test(text))
    throw new UserError(
      `an option takes the path of a file, without quotes and backslashes, got "${text}"`,
      2,
    );
  return text;
}
