import { openResolver } from '../../app/resolver.ts';
import { systemClock } from '../../clock.ts';
import type { Config } from '../../config.ts';
import { messageOf } from '../../errors.ts';
import { systemServers } from '../../resolve/system.ts';
import { formatResolver, type ResolverAddress } from '../../resolver-address.ts';
import { failed, ok, type Verdict, warning } from './verdict.ts';

/** Each resolver: whether it answers what we would ask, and how fast. `name` is a target in use, where there is one. */
export async function checkResolvers(config: Config, name: string): Promise<Verdict[]> {
  const servers = config.resolvers === 'system' ? systemServers() : config.resolvers;
  const verdicts = await Promise.all(servers.map((server) => checkOne(server, name, config)));
  if (servers.length === 1 && verdicts[0]?.verdict === 'ok')
    verdicts.push(
      warning(
        'resolvers',
        'there is one alone: with two of RESOLVERS, targets are still looked at while it is away',
      ),
    );
  return verdicts;
}

async function checkOne(server: ResolverAddress, name: string, config: Config): Promise<Verdict> {
  const check = `resolver ${formatResolver(server)}`;
  const resolver = await openResolver({ ...config, resolvers: [server] }, systemClock);
  const asked = performance.now();
  try {
    const { outcome } = await resolver.look(name, 'A');
    const took = `${Math.round(performance.now() - asked)} ms`;
    if (outcome.kind !== 'failed') return ok(check, `answers for ${name} in ${took}`);
    const words = `${name}: ${outcome.detail}`;
    if (outcome.reason === 'timeout' || outcome.reason === 'unreachable')
      return failed(check, `${words}. Check RESOLVERS and what stands between`);
    if (outcome.reason === 'refused')
      return failed(check, `${words}. It has to allow recursion to this address`);
    return warning(check, `answers, but can't resolve ${words}`);
  } catch (error) {
    return failed(check, messageOf(error));
  } finally {
    await resolver.close();
  }
}
