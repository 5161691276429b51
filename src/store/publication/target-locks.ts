import type { Client, Pool } from '../pool.ts';
import { SERIALIZATION_FAILURE } from '../transaction.ts';

/** Targets that an ALIAS newly follows were answered since the snapshot: the transaction has to run again. */
export class TargetsMoved extends Error {
  readonly code = SERIALIZATION_FAILURE;
  readonly targets: readonly string[];

  constructor(targets: readonly string[]) {
    super('targets were answered meanwhile');
    this.name = 'TargetsMoved';
    this.targets = targets;
  }
}

/**
 * Keeps these targets from being answered until this transaction ends: whoever answers them afterwards sees the aliases that it
 * writes.
 *
 * @throws TargetsMoved where one was answered since our snapshot
 */
export async function holdTargets(client: Client, targets: readonly string[]): Promise<void> {
  if (targets.length === 0) return;
  try {
    await lock(client, targets);
  } catch (error) {
    throw (error as { code?: string }).code === SERIALIZATION_FAILURE ? new TargetsMoved(targets) : error;
  }
}

/**
 * Locks targets ahead of a snapshot, on a connection of its own, for a transaction that lost to looks before: targets that are looked
 * at again and again would make it lose for ever. The looks wait until it is done.
 */
export class TargetLocks {
  readonly #pool: Pool;
  readonly #zoneIds: readonly string[];
  readonly #targets = new Set<string>();
  #client: Client | undefined;
  #losses = 0;

  constructor(pool: Pool, zoneIds: readonly string[]) {
    this.#pool = pool;
    this.#zoneIds = zoneIds;
  }

  /** Before another try: with the targets that were lost, and from the second loss on those of all ALIAS records of the zones. */
  async take(error: unknown): Promise<void> {
    await this.release();
    if (!(error instanceof TargetsMoved)) return;
    for (const target of error.targets) this.#targets.add(target);
    this.#losses++;
    const client = await this.#pool.connect();
    this.#client = client;
    await client.query(`begin; set local lock_timeout = '1s'`);
    if (this.#losses > 1) {
      const { rows } = await client.query<{ target: string }>(
        `select distinct lower(content collate "C") as target from records
         where zone_id = any ($1::bigint[]) and type = 'ALIAS' and not disabled`,
        [this.#zoneIds],
      );
      for (const { target } of rows) this.#targets.add(target);
    }
    // a client that sits on one of them is no reason to give up: the transaction itself says so if it has to
    await lock(client, [...this.#targets]).catch(() => this.release());
  }

  async release(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    let broken: Error | undefined;
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    client.release(broken);
  }
}

async function lock(client: Client, targets: readonly string[]): Promise<void> {
  await client.query('select from alias_targets where name = any ($1::text[]) order by name for share', [
    targets,
  ]);
}
