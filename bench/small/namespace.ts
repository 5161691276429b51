import { spawnSync } from 'node:child_process';

const MARK = 'ZONEFERRY_BENCH_NAMESPACE';

/**
 * Runs a script again in a network namespace of its own, where nobody listens to the loopback: a capture on the machine's own costs
 * every packet. Where that is not allowed, the script goes on as it is. To be called before anything else.
 */
export function inOwnNamespace(script: string): void {
  if (process.env[MARK] !== undefined) return;
  const words = ['-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
  const isAllowed = spawnSync('unshare', [...words, 'true'], { stdio: 'ignore' }).status === 0;
  if (!isAllowed) {
    console.error('no network namespace of its own: the loopback is shared with whatever else runs here');
    return;
  }
  const { status } = spawnSync(
    'unshare',
    [...words, process.execPath, ...process.execArgv, script, ...process.argv.slice(2)],
    {
      stdio: 'inherit',
      env: { ...process.env, [MARK]: 'on' },
    },
  );
  process.exit(status ?? 1);
}
