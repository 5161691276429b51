#!/usr/bin/env node
// Plain JavaScript for any Node that knows modules: an old one has to get as far as saying that it is too old.
// biome-ignore lint/style/useNodejsImportProtocol: Node 12 before 12.20 does not know the prefix
import { existsSync } from 'fs';

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
  hideTypeStrippingWarning();
  import(file.href).catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
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
