// A process that uses the embedded server of a folder until it is told to stop: what the tests here start several of.

import { startEmbedded } from '../../src/embedded/index.ts';
import { messageOf } from '../../src/errors.ts';

const [folder = ''] = process.argv.slice(2);

try {
  const embedded = await startEmbedded(folder);
  console.log(embedded.url);
  const idle = setInterval(() => undefined, 1_000);
  process.once('SIGTERM', async () => {
    await embedded.leave();
    clearInterval(idle);
  });
} catch (error) {
  console.log(`error: ${messageOf(error)}`);
  process.exitCode = 1;
}
