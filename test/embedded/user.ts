// A process that uses the embedded server of a folder until it is told to stop: what the tests here start several of.

import { startEmbedded } from '../../src/embedded/index.ts';
import { messageOf } from '../../src/errors.ts';

const [folder = ''] = process.argv.slice(2);

// listened for before the line is out: whoever reads it may answer with the signal at once, and unheard it ends the process without leaving
const stopping = new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));

try {
  const embedded = await startEmbedded(folder);
  const idle = setInterval(() => undefined, 1_000);
  console.log(embedded.url);
  await stopping;
  await embedded.leave();
  clearInterval(idle);
} catch (error) {
  console.log(`error: ${messageOf(error)}`);
  process.exitCode = 1;
}
