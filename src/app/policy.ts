import type { Config } from '../config.ts';
import type { AliasPolicy } from '../zone/alias/policy.ts';

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
