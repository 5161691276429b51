import { messageOf, UserError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Pool } from '../store/pool.ts';
import { HEARTBEAT_EVERY_MS } from '../store/processes.ts';
import { stepNames, unknownSteps } from '../store/steps.ts';
import { VERSION } from '../version.ts';

/** Sees whether the database goes ahead of this process: a newer version made steps of the schema that this one doesn't know. */
export class SchemaWatch {
  readonly #pool: Pool;
  readonly #log: Log;
  readonly #onOutdated: (reason: UserError) => void;
  #known: readonly string[] | undefined;
  #said = '';

  /** @param onOutdated called where such a step stands alone: this process must write no more, nor serve what it may misread */
  constructor(pool: Pool, log: Log, onOutdated: (reason: UserError) => void) {
    this.#pool = pool;
    this.#log = log;
    this.#onOutdated = onOutdated;
  }

  /** The names of the steps that are not known here; to be called at each heartbeat. What is new among them is said once. */
  async look(): Promise<string[]> {
    this.#known ??= await stepNames();
    const unknown = await unknownSteps(this.#pool, this.#known);
    const names = unknown.map(({ name }) => name);
    const alone = unknown.find(({ standsAlone }) => standsAlone !== null);
    if (alone)
      this.#onOutdated(
        new UserError(
          `the database was migrated by a newer version, and its step ${alone.name} stands alone (${alone.standsAlone}): this process of version ${VERSION} ends, as it would write or serve what is wrong by now. Run the version that made that step`,
        ),
      );
    const said = names.join(', ');
    if (said !== this.#said && names.length > 0)
      this.#log.warn(
        { unknownSteps: names, version: VERSION },
        `the database was migrated by a newer version (${said}); this process goes on, as those steps bear it. Run the newer version here, too`,
      );
    this.#said = said;
    return names;
  }

  /** Looks at each heartbeat until the returned function is called: for who can't write one. */
  start(): () => Promise<void> {
    let looking: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      looking = this.look().catch((error: unknown) =>
        this.#log.debug(
          { error: messageOf(error) },
          'the steps of the schema could not be read; the next look follows',
        ),
      );
    }, HEARTBEAT_EVERY_MS).unref();
    return async () => {
      clearInterval(timer);
      await looking;
    };
  }
}
