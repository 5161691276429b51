import type { Config } from '../config.ts';
import { systemServers } from '../resolve/system.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';
import { type GuardPolicy, guardPolicy } from '../zone/guard.ts';

/** The settings of looking at targets, in the milliseconds that the policy counts in. */
export function policyOf(config: Config): AliasPolicy {
  return {
    refreshMin: config.refreshMin * 1000,
    refreshMax: config.refreshMax * 1000,
    retryMin: config.retryMin * 1000,
    retryMax: config.retryMax * 1000,
    negativeHold: config.negativeHold * 1000,
    emptyTarget: config.emptyTarget,
    maxStale: config.maxStale * 1000,
    onStale: config.onStale,
    rotationLooks: config.rotationLooks,
    rotationWindow: config.rotationWindow * 1000,
    rotationFloor: config.rotationFloor * 1000,
    publishPrivate: config.publishPrivate === 'on',
    publishDocumentation: config.publishDocumentation === 'on',
  };
}

/** The settings of guards. With one resolver no other can disagree. */
export function guardsOf(config: Config): GuardPolicy {
  const resolvers = config.resolvers === 'system' ? systemServers() : config.resolvers;
  return guardPolicy(
    {
      empty: config.guardEmpty,
      change: resolvers.length > 1 ? config.guardChange : 100,
      apex: config.guardApex === 'on',
    },
    policyOf(config),
  );
}
