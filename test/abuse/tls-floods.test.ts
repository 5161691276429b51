import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../support/secondaries/server-process.ts';
import { holds } from './floods/holds.ts';
import { measure } from './floods/measure.ts';
import { openSecureStage, type Stage } from './floods/stage.ts';
import { tlsFloods } from './floods/tls.ts';

/** Connections; `npm run bench -- floods --tls` has more. */
const COUNT = 600;
const FOR_MS = 1_500;

let stage: Stage;
beforeAll(async () => {
  stage = await openSecureStage(2_000);
}, 180_000);
afterAll(() => stage?.close());

describe('both doors of TLS are flooded: secondaries over TLS and without are served, and so is the API', () => {
  test.each(Object.keys(tlsFloods))('%s', { timeout: 180_000 }, async (name) => {
    holds(await measure(stage, { at: 'tls', name, count: COUNT }, { forMs: FOR_MS, timeoutMs: 40_000 }));
  });
});

test('HTTPS: a handshake has one deadline, whatever is sent meanwhile', { timeout: 90_000 }, async () => {
  const socket = connect({ ...stage.http });
  socket.on('error', () => {});
  const hello = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(501)]);
  let sent = 0;
  const drip = setInterval(() => socket.write(hello.subarray(sent, ++sent)), 1_000);
  try {
    await new Promise((resolve) => socket.once('close', resolve));
    expect(sent).toBeLessThan(hello.length);
  } finally {
    clearInterval(drip);
    socket.destroy();
  }
});

test.each(['TLSv1', 'TLSv1.1'] as const)('HTTPS: %s is refused', async (version) => {
  const socket = connectTls({
    ...stage.http,
    ca: stage.authority,
    minVersion: version,
    maxVersion: version,
    // else this side would refuse it itself
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const outcome = await new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve('a connection'));
    socket.once('error', (error) => resolve(String(error)));
  });
  socket.destroy();
  expect(outcome).toMatch(/alert protocol version/i);
});

test.runIf(findProgram('openssl'))(
  'HTTPS: a client can not negotiate anew',
  { timeout: 90_000 },
  async () => {
    const said = await openssl(['-tls1_2'], 'R\n');
    expect(said).toContain('RENEGOTIATING');
    expect(said).toMatch(/no renegotiation|handshake failure/);
  },
);

test.runIf(findProgram('openssl'))('no door takes early data, which could be played again', async () => {
  for (const { port } of [stage.http, stage.tls ?? stage.http])
    expect(await openssl(['-tls1_3', '-alpn', 'dot,http/1.1'], '', port)).toMatch(
      /Early data was not sent[\s\S]*Max Early Data: 0|Early data was not sent/,
    );
});

/** What `openssl s_client` says of a connection that it keeps until it is closed, or for three seconds. */
function openssl(options: string[], input: string, port = stage.http.port): Promise<string> {
  return new Promise((resolve) => {
    const args = ['s_client', '-connect', `127.0.0.1:${port}`, ...options];
    const child = execFile(findProgram('openssl') ?? '', args, (_error, stdout, stderr) =>
      resolve(`${stdout}${stderr}`),
    );
    child.stdin?.on('error', () => {});
    setTimeout(() => child.stdin?.write(input), 1_000);
    setTimeout(() => child.stdin?.end(), 3_000);
  });
}
