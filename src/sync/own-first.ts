import type { Confirmation, Family, Look, LookOptions, LooksUp, Outcome } from '../resolve/outcome.ts';
import { enter, findAgain } from '../store/in-zone/entering.ts';
import type { Pool } from '../store/pool.ts';
import type { Way } from '../zone/in-zone/way.ts';
import type { OwnZones } from './own-zones.ts';

/** Times that a chain may leave our zones and come back. */
const MOST_VISITS = 4;

/**
 * Looks targets up at resolvers, but never what is ours: a chain that comes into our zones goes on by `records`, as a resolver might have
 * it from the very secondaries that we feed, a version behind. Where it leaves them again, the resolvers go on.
 */
export class OwnFirst implements LooksUp {
  readonly #resolver: LooksUp;
  readonly #zones: OwnZones;
  readonly #pool: Pool;
  readonly #remembers: boolean;

  /** `remembers`: what was read is written down, so that an edit of it has the target looked at again. */
  constructor(resolver: LooksUp, zones: OwnZones, pool: Pool, remembers = true) {
    this.#resolver = resolver;
    this.#zones = zones;
    this.#pool = pool;
    this.#remembers = remembers;
  }

  async look(target: string, family: Family, options?: LookOptions): Promise<Look> {
    return (await this.#turnedAway(target, family)) ?? this.#follow(target, target, family, options, []);
  }

  confirm(known: Confirmation, options?: LookOptions): void {
    const { target } = known;
    if (this.#zones.mayBeOurs(target) || !this.#resolver.confirm) {
      known.unlike('A', this.look(target, 'A', options));
      known.unlike('AAAA', this.look(target, 'AAAA', options));
      return;
    }
    this.#resolver.confirm(
      {
        target,
        a: known.a,
        aaaa: known.aaaa,
        confirmed: (family, ttl) => known.confirmed(family, ttl),
        unlike: (family, look) =>
          known.unlike(
            family,
            look.then((first) => this.#goOn(first, target, target, options, [])),
          ),
      },
      options,
    );
  }

  /** A target that has just come to lie in a zone of ours is answered by it; one below a zone cut is not ours. */
  async #turnedAway(target: string, family: Family): Promise<Look | undefined> {
    if (!this.#zones.mayBeOurs(target)) return undefined;
    const way = await enter(this.#pool, target, target, [], this.#remembers);
    if (!way || isElsewhere(way)) return undefined;
    if (this.#remembers) await findAgain(this.#pool, target);
    const detail = `${target} is in a zone of ours now, and answered from there`;
    return {
      target,
      family,
      outcome: { kind: 'failed', reason: 'refused', detail },
      chain: [],
      authentic: false,
      resolver: 'records',
      startedAt: 0,
      ms: 0,
    };
  }

  /** `asked` is the name to ask for, `past` what led there from `target`. */
  async #follow(
    target: string,
    asked: string,
    family: Family,
    options: LookOptions | undefined,
    past: readonly string[],
    visits = 0,
  ): Promise<Look> {
    const look = await this.#resolver.look(asked, family, options);
    return this.#goOn(look, target, asked, options, past, visits);
  }

  /** Where a look's chain comes into our zones, it goes on there. */
  async #goOn(
    look: Look,
    target: string,
    asked: string,
    options: LookOptions | undefined,
    past: readonly string[],
    visits = 0,
  ): Promise<Look> {
    const { family } = look;
    for (const [index, link] of look.chain.entries()) {
      if (!this.#zones.mayBeOurs(link.name)) continue;
      const chain = look.chain.slice(0, index + 1);
      const before = [...past, asked, ...chain.slice(0, -1).map(({ name }) => name)];
      const way = await enter(this.#pool, target, link.name, before, this.#remembers);
      if (!way || isElsewhere(way)) continue;
      const ttl = Math.min(way.ttl, ...chain.map((each) => each.ttl));
      const onward = [...chain, ...way.path.slice(1).map((name) => ({ name, ttl: way.ttl }))];
      const here = { ...look, target: look.target, chain: onward, authentic: false };
      if (way.end.kind !== 'outside') return { ...here, ...answered(way.end, family, ttl) };
      if (visits === MOST_VISITS)
        return {
          ...here,
          outcome: failed('chain', `the chain comes into our zones more than ${MOST_VISITS} times`),
        };
      const rest = await this.#follow(
        target,
        way.end.target,
        family,
        options,
        [...before, ...way.path.slice(0, -1)],
        visits + 1,
      );
      const { outcome } = rest;
      return {
        ...rest,
        target: look.target,
        chain: [...onward, ...rest.chain],
        startedAt: look.startedAt,
        ms: look.ms + rest.ms,
        authentic: false,
        outcome: outcome.kind === 'found' ? { ...outcome, ttl: Math.min(outcome.ttl, ttl) } : outcome,
      };
    }
    return look;
  }
}

/** It is below a zone cut, or no zone of ours covers it: resolvers say what it is. */
function isElsewhere({ path, end }: Way): boolean {
  return end.kind === 'outside' && path.length === 1;
}

function answered(
  end: Exclude<Way['end'], { kind: 'outside' }>,
  family: Family,
  ttl: number,
): { outcome: Outcome; addressTtl?: number } {
  if (end.kind === 'failed')
    return { outcome: failed(end.detail.startsWith('loop') ? 'loop' : 'servfail', end.detail) };
  const set = end.kind === 'addresses' ? (family === 'A' ? end.a : end.aaaa) : undefined;
  if (!set) return { outcome: { kind: end.kind === 'none' ? 'nxdomain' : 'nodata' } };
  return {
    outcome: { kind: 'found', addresses: set.addresses, ttl: Math.min(ttl, set.ttl) },
    addressTtl: set.ttl,
  };
}

function failed(reason: 'loop' | 'chain' | 'servfail', detail: string): Outcome {
  return { kind: 'failed', reason, detail };
}
