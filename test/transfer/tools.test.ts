/** What operators ask with: dig of BIND and kdig of Knot, against the server. */
import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { makeKey } from '../support/memory-zones.ts';
import { type Running, SMALL_ZONE, startServer } from './harness.ts';

const run = promisify(execFile);
const SECRET = 'a shared secret';
const KEY = `hmac-sha256:key.example.:${Buffer.from(SECRET).toString('base64')}`;

describe.each(['dig', 'kdig'])('%s', (tool) => {
  const isHere = spawnSync(tool, ['-v']).error === undefined;

  async function start(): Promise<Running & { ask: (...words: string[]) => Promise<string> }> {
    const running = await startServer();
    running.registry.add('s1', { keys: [makeKey('key.example.', 'hmac-sha256', SECRET)] });
    const hosts = Array.from({ length: 3000 }, (_, n) => `host${n} 300 A 10.0.${n >> 8}.${n & 255}`);
    running.zones.add('example.com.', [...SMALL_ZONE, ...hosts], 10);
    running.zones.change('example.com.', { delete: ['@ 300 A 192.0.2.1'], add: ['@ 300 A 192.0.2.2'] });
    const { host, port } = running.at;
    const ask = async (...words: string[]): Promise<string> => {
      const { stdout } = await run(tool, [`@${host}`, '-p', String(port), '-y', KEY, ...words]);
      return stdout;
    };
    return { ...running, ask };
  }

  it.skipIf(!isHere)('transfers a signed zone of several messages', async () => {
    const { ask } = await start();
    const answer = await ask('example.com', 'AXFR');
    expect(answer.match(/^host\d+\.example\.com\.\s+300\s+IN\s+A\s/gm)).toHaveLength(3000);
    expect(answer.match(/\sIN\s+SOA\s/g)).toHaveLength(2);
    expect(answer).toMatch(/XFR size|Received/);
    expect(answer.match(/transfer failed|BADSIG|BADKEY|couldn't verify|;; WARNING/i)).toBeNull();
  });

  it.skipIf(!isHere)('follows by IXFR', async () => {
    const { ask, zones } = await start();
    zones.batch = 500;
    const answer = await ask('example.com', 'IXFR=10', '+tcp');
    expect(answer).toMatch(/example\.com\.\s+300\s+IN\s+A\s+192\.0\.2\.1\b/);
    expect(answer).toMatch(/example\.com\.\s+300\s+IN\s+A\s+192\.0\.2\.2\b/);
    expect(answer.match(/\sIN\s+SOA\s/g)).toHaveLength(4);
  });

  it.skipIf(!isHere)('asks SOA over UDP with EDNS and a cookie', async () => {
    const { ask } = await start();
    const options = tool === 'dig' ? ['+cookie', '+expire'] : ['+cookie'];
    const answer = await ask('example.com', 'SOA', ...options);
    expect(answer).toMatch(/NOERROR/);
    expect(answer).toMatch(/flags:[a-z ]* aa/i);
    expect(answer).toMatch(/ 11 3600 600 604800 300/);
  });
});
