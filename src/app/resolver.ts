import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { badSetting, type Config } from '../config.ts';
import type { Log } from '../log.ts';
import { Resolver } from '../resolve/resolver.ts';

/**
 * The recursive resolvers of the settings.
 *
 * @throws UserError where RESOLVE_CA holds no certificate
 */
export async function openResolver(config: Config, clock: Clock, log?: Log): Promise<Resolver> {
  return new Resolver({
    servers: config.resolvers,
    timeoutMs: config.resolveTimeoutMs,
    tries: config.resolveTries,
    concurrency: config.resolveConcurrency,
    rate: config.resolveRate,
    ca: config.resolveCa === undefined ? undefined : await readAuthorities(config.resolveCa),
    clock,
    log,
  });
}

async function readAuthorities(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  try {
    new X509Certificate(text);
  } catch {
    throw badSetting('RESOLVE_CA', file, 'a file of certificates in PEM');
  }
  return text;
}
