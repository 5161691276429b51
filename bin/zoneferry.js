#!/usr/bin/env node
// Plain JavaScript for any Node that knows modules: an old one has to get as far as saying that it is too old.
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 before 12.20 does not know the prefix
import { existsSync } from 'fs';
// biome-ignore lint/style/useNodejsImportProtocol: as above
import { setFlagsFromString } from 'v8';

const NEEDED = [22, 12];

start();

function start() {
  const version = process.versions.node.split('.').map(Number);
  if (version[0] < NEEDED[0] || (version[0] === NEEDED[0] && version[1] < NEEDED[1])) {
    fail(`zoneferry needs Node.js ${NEEDED.join('.')} or later, this is ${process.version}`);
    return;
  }
  const source = new URL('../src/cli.ts', import.meta.url);
  const built = new URL('../dist/cli.js', import.meta.url);
  if (process.features.typescript && existsSync(source)) {
    run(source);
  } else if (existsSync(built)) {
    run(built);
  } else {
    fail(
      `zoneferry is not built and Node.js ${process.version} does not run TypeScript: run "npm run build" first, or use Node.js 22.18 or later`,
    );
  }
}

function run(file) {
  if (process.argv[2] === 'serve' && startAgainWithLessMemory()) return;
  hideTypeStrippingWarning();
  import(file.href).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
}

// What Node takes by default for objects that are soon dropped is 64 MB twice, which a service that runs for months never gives back:
// 4 are as fast. That can only be said at the start, so the process begins once more, as the same process, where Node can do that.
function startAgainWithLessMemory() {
  const given = [...process.execArgv, process.env.NODE_OPTIONS || ''];
  if (given.some((option) => /--(min|max)[-_]semi[-_]space/.test(option))) return false;
  // a channel to the process that started this one would be lost
  if (process.channel || !process.execve) {
    setFlagsFromString('--semi-space-growth-factor=1');
    return false;
  }
  const options = [`--max-semi-space-size=${megabytesForTheYoung()}`, ...process.execArgv];
  // so many heaps at most that threads take from; by default up to 16 are kept, and none is given back
  const environment = { MALLOC_ARENA_MAX: '2', ...process.env };
  process.execve(process.execPath, [process.argv0, ...options, ...process.argv.slice(1)], environment);
  return true;
}

// A process that only looks at targets drops so much at once that it is a tenth faster with more.
function megabytesForTheYoung() {
  const index = process.argv.findIndex((argument) => /^--roles(=|$)/.test(argument));
  if (index < 0) return 4;
  const [, given] = process.argv[index].split('=');
  const roles = (given === undefined ? process.argv[index + 1] || '' : given).split(',');
  return roles.includes('worker') && !roles.includes('transfer') ? 16 : 4;
}

// Node 22 prints an ExperimentalWarning for each process that strips types; it says nothing to an operator.
function hideTypeStrippingWarning() {
  const emit = process.emitWarning;
  process.emitWarning = (warning, ...rest) => {
    if (!String(warning).includes('Type Stripping is an experimental feature')) {
      emit.call(process, warning, ...rest);
    }
  };
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exitCode = 1;
}
