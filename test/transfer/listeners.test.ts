import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Endpoint } from '../../src/endpoint.ts';
import { UserError } from '../../src/errors.ts';
import { silentLog } from '../../src/log.ts';
import { createTransferServer, type TransferServer } from '../../src/transfer/server.ts';
import { MemoryRegistry, MemoryZones } from '../support/memory-zones.ts';
import { axfr, soa } from '../support/transfer-client.ts';
import { SMALL_ZONE } from './harness.ts';

function make(listen: Endpoint[]): TransferServer {
  const source = new MemoryZones();
  source.add('example.com.', SMALL_ZONE);
  const registry = new MemoryRegistry();
  registry.add('s1', { addresses: ['127.0.0.1', '::1'] });
  return createTransferServer({ listen, source, registry, clock: systemClock, log: silentLog });
}

describe('listening', () => {
  it('is on TCP and UDP of each endpoint, of both families', async () => {
    const server = make([
      { ip: '127.0.0.1', port: 0 },
      { ip: '::1', port: 0 },
    ]);
    await server.start();
    const addresses = server.addresses();
    expect(addresses.map(({ ip }) => ip)).toEqual(['127.0.0.1', '::1']);
    for (const { ip, port } of addresses) {
      for (const transport of ['udp', 'tcp'] as const) {
        expect((await soa({ host: ip, port, zone: 'example.com.', transport })).serial).toBe(1);
      }
      expect((await axfr({ host: ip, port, zone: 'example.com.' })).result.kind).toBe('axfr');
    }
    await server.stop(100);
    expect(server.addresses()).toEqual([]);
  });

  it('on a port that is taken says so in one line, and leaves nothing open', async () => {
    const first = make([{ ip: '127.0.0.1', port: 0 }]);
    await first.start();
    const taken = first.addresses()[0]!;
    const probe = createServer();
    const free = await new Promise<number>((resolve) => {
      probe.listen(0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port));
    });
    await new Promise((resolve) => probe.close(resolve));
    const second = make([{ ip: '127.0.0.1', port: free }, taken]);
    await expect(second.start()).rejects.toThrow(UserError);
    await expect(second.start()).rejects.toThrow(
      `DNS_LISTEN: got "127.0.0.1:${taken.port}", takes a free port: this one is taken by another program`,
    );
    const third = make([{ ip: '127.0.0.1', port: free }]);
    await third.start();
    await Promise.all([first.stop(100), second.stop(100), third.stop(100)]);
  });

  it('on an address that is not here says so', async () => {
    await expect(make([{ ip: '192.0.2.99', port: 0 }]).start()).rejects.toThrow(
      'DNS_LISTEN: got "192.0.2.99:0", takes an address of this machine',
    );
  });
});
