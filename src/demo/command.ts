import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { settings } from '../config/settings.ts';

const BIN = fileURLToPath(new URL('../../bin/zoneferry.js', import.meta.url));
const DEADLINE = 20_000; // ms

/** The environment of the demo's service and of its commands: these settings, and none of those outside. */
export function environmentOf(given: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  for (const { name } of Object.values(settings)) delete environment[name];
  return { ...environment, ...given };
}

/** Runs one `zoneferry` command as a user would, beside the running service. Gives its standard output. */
export function runCommand(
  words: readonly string[],
  where: { folder: string; environment: NodeJS.ProcessEnv },
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [BIN, ...words],
      { cwd: where.folder, env: where.environment, timeout: DEADLINE },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`zoneferry ${words.join(' ')}: ${stderr.trim() || error.message}`));
      },
    );
  });
}
