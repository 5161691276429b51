import { afterAll } from 'vitest';
import { fault, SEED } from './fault.ts';
import { Random } from './random.ts';
import { openStage, type Stage, type StageOptions } from './stage.ts';

/** Brings one fault upon a stage with traffic on it, and takes it back. How often it came. */
export type Inject = (stage: Stage) => Promise<number>;

/**
 * A file's scenarios one after the other on one stage, which is opened with the first. After each all has to converge; where one fails,
 * the next has a new stage.
 */
export function onStage(
  open: () => Promise<Omit<StageOptions, 'random'>>,
): (name: string, inject: Inject) => void {
  let stage: Stage | undefined;
  const close = async () => {
    const old = stage;
    stage = undefined;
    await old?.close();
  };
  afterAll(close, 60_000);
  return (name, inject) =>
    fault(name, async () => {
      stage ??= await openStage({ random: new Random(SEED), ...(await open()) });
      try {
        stage.traffic.start();
        const injected = await inject(stage);
        return { injected, checked: await stage.settle() };
      } catch (error) {
        await close();
        throw error;
      }
    });
}
