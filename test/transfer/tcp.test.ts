import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from '../../src/dns/framer.ts';
import { InboundTransfer } from '../../src/dns/inbound.ts';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { axfr, exchange, soa, TestConnection } from '../support/transfer-client.ts';
import { type Running, SMALL_ZONE, startServer, until } from './harness.ts';

const ZONE = 'example.com.';
const NAME = absoluteName(ZONE);

async function start(limits: Parameters<typeof startServer>[0] = {}): Promise<Running> {
  const running = await startServer(limits);
  running.registry.add('s1');
  running.zones.add(ZONE, SMALL_ZONE, 1);
  return running;
}

/** A zone of several megabytes: more than the kernel's socket buffers take. */
function addLargeZone({ zones }: Running, name = 'large.test.'): void {
  zones.batch = 10_000;
  const text = 'x'.repeat(200);
  zones.add(name, [
    '@ 300 NS ns1.example.net.',
    ...Array.from({ length: 60_000 }, (_, n) => `h${n} 300 TXT "${text}"`),
  ]);
}

function query(id: number, type: number, name: Buffer = NAME): Buffer {
  return buildQuery({ id, name, type });
}

/** Whether the server closes the connection within two seconds, without another message. */
async function isClosed(connection: TestConnection): Promise<boolean> {
  try {
    return (await connection.receive(2000)) === undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error;
  }
}

describe('TCP (RFC 7766)', () => {
  it('answers requests cut into segments of one octet, and several in one', async () => {
    const { at } = await start();
    const connection = await TestConnection.open(at);
    connection.socket.setNoDelay(true);
    for (const octet of frame(query(1, TYPE.SOA))) {
      connection.socket.write(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(readMessage((await connection.receive())!).id).toBe(1);
    connection.send(query(2, TYPE.SOA), query(3, TYPE.SOA), query(4, TYPE.SOA));
    for (const id of [2, 3, 4]) expect(readMessage((await connection.receive())!).id).toBe(id);
    connection.destroy();
  });

  it('gives the same replies however a stream of requests is cut', async () => {
    const { at } = await start();
    const stream = Buffer.concat(
      [1, 2, 3, 4, 5, 6].map((id) => frame(query(id, id % 2 ? TYPE.SOA : TYPE.AXFR))),
    );
    const reference = await repliesTo([stream]);
    expect(reference).toHaveLength(6);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(stream.length), { maxLength: 8 }), async (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length];
        const parts = at.slice(1).map((end, index) => stream.subarray(at[index], end));
        expect(await repliesTo(parts)).toEqual(reference);
      }),
      { numRuns: 25 },
    );

    async function repliesTo(parts: Buffer[]): Promise<Buffer[]> {
      const connection = await TestConnection.open(at);
      connection.socket.setNoDelay(true);
      for (const part of parts) {
        if (part.length > 0) connection.socket.write(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      connection.socket.end();
      const replies: Buffer[] = [];
      for (let next = await connection.receive(); next !== undefined; next = await connection.receive()) {
        replies.push(next);
      }
      return replies;
    }
  });

  it('answers pipelined transfers of several zones in order (RFC 5936, 4.1)', async () => {
    const { at, zones } = await start();
    const names = Array.from({ length: 100 }, (_, n) => `z${n}.test.`);
    for (const name of names) zones.add(name, SMALL_ZONE, 9);
    const connection = await TestConnection.open(at);
    connection.send(...names.map((name, id) => query(id, TYPE.AXFR, absoluteName(name))));
    for (const [id, name] of names.entries()) {
      const inbound = new InboundTransfer({ zone: absoluteName(name), kind: 'AXFR', id });
      expect(inbound.message(readMessage((await connection.receive())!))).toBe('done');
    }
    connection.destroy();
  });

  it('answers what was asked when the client has closed its side (6.2.4)', async () => {
    const { at } = await start();
    const connection = await TestConnection.open(at);
    connection.send(query(1, TYPE.SOA), query(2, TYPE.AXFR), query(3, TYPE.SOA));
    connection.socket.end();
    for (const id of [1, 2, 3]) expect(readMessage((await connection.receive())!).id).toBe(id);
    expect(await connection.receive()).toBeUndefined();
  });

  it('keeps the connection after a reply: SOA, then IXFR as Knot does', async () => {
    const { at, zones } = await start();
    const connection = await TestConnection.open(at);
    connection.send(query(1, TYPE.SOA));
    expect(readMessage((await connection.receive())!).id).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    zones.change(ZONE, {});
    connection.send(query(2, TYPE.AXFR));
    expect(readMessage((await connection.receive())!).id).toBe(2);
    connection.destroy();
  });

  it('closes a connection that rests, also in the middle of a request (6.2.3)', async () => {
    const { at } = await start({ idleMs: 150 });
    const silent = await TestConnection.open(at);
    const halfway = await TestConnection.open(at);
    const answered = await TestConnection.open(at);
    answered.send(query(1, TYPE.SOA));
    expect(readMessage((await answered.receive())!).id).toBe(1);
    halfway.socket.write(frame(query(1, TYPE.SOA)).subarray(0, 10));
    const begun = performance.now();
    expect(await isClosed(silent)).toBe(true);
    expect(await isClosed(halfway)).toBe(true);
    expect(await isClosed(answered)).toBe(true);
    expect(performance.now() - begun).toBeGreaterThan(100);
  });

  it('an octet now and then does not keep a connection open', async () => {
    const { at } = await start({ idleMs: 200 });
    const connection = await TestConnection.open(at);
    const request = frame(query(1, TYPE.SOA));
    let sent = 0;
    const drip = setInterval(() => connection.socket.write(request.subarray(sent, ++sent)), 50);
    const closed = await isClosed(connection);
    clearInterval(drip);
    expect(closed).toBe(true);
    expect(sent).toBeLessThan(10);
  });

  it('closes a connection whose framing is lost', async () => {
    const { at, log } = await start();
    const connection = await TestConnection.open(at);
    connection.socket.write(Buffer.from([0, 3, 1, 2, 3]));
    expect(await isClosed(connection)).toBe(true);
    expect(log.find('connection closed: a TCP frame announces 3 octets')).toBeDefined();
  });

  it('survives garbage, over TCP and UDP', async () => {
    const { at } = await start();
    for (let round = 0; round < 30; round++) {
      const connection = await TestConnection.open(at);
      const noise = randomBytes(1 + ((round * 37) % 300));
      connection.socket.write(round % 2 === 0 ? noise : frame(Buffer.concat([noise, Buffer.alloc(12)])));
      connection.socket.end();
      await connection.receive(2000).catch(() => undefined);
      connection.destroy();
    }
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        await exchange({ ...at, timeoutMs: 1 }, Buffer.from(bytes), 'udp').catch(() => undefined);
      }),
      { numRuns: 50 },
    );
    // A request with any octet changed gets some reply or none, and never an end.
    const request = query(1, TYPE.SOA);
    const connection = await TestConnection.open(at);
    for (let offset = 0; offset < request.length; offset++) {
      const changed = Buffer.from(request);
      changed[offset]! ^= 0xff;
      connection.send(changed);
    }
    connection.send(query(777, TYPE.SOA));
    for (let next = await connection.receive(); ; next = await connection.receive()) {
      if (readMessage(next!).id === 777) break;
    }
    connection.destroy();
    expect((await soa({ ...at, zone: ZONE })).serial).toBe(1);
  });

  it('a message of more than 65,535 octets can not be asked for, one of that length is read', async () => {
    const { at } = await start();
    const connection = await TestConnection.open(at);
    const large = Buffer.concat([query(5, TYPE.SOA), Buffer.alloc(65_535 - query(5, TYPE.SOA).length)]);
    connection.send(large);
    expect(readMessage((await connection.receive())!)).toMatchObject({ id: 5, rcode: RCODE.FORMERR });
    connection.destroy();
  });
});

describe('a reader that takes nothing', () => {
  it('is cut off, and holds up nobody else', async () => {
    const running = await start({ stallMs: 300 });
    addLargeZone(running);
    const { at, served } = running;
    const lazy = await TestConnection.open(at);
    lazy.socket.pause();
    lazy.send(query(1, TYPE.AXFR, absoluteName('large.test.')));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await axfr({ ...at, zone: ZONE })).result.kind).toBe('axfr');
    await until(() => served.length === 2);
    const cut = served.find((event) => event.zone === 'large.test.');
    expect(cut).toMatchObject({ complete: false, failure: expect.stringContaining('reads too slowly') });
    lazy.destroy();
  });

  it('costs no more than the shared messages: none are made ahead of it', async () => {
    const running = await start({ stallMs: 5000 });
    addLargeZone(running);
    const { at, server, served } = running;
    const lazy = await TestConnection.open(at);
    lazy.socket.pause();
    lazy.send(query(1, TYPE.AXFR, absoluteName('large.test.')));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.stop(0);
    await until(() => served.length === 1);
    // What the kernel's buffers took, and one batch.
    expect(served[0]!.complete).toBe(false);
    expect(served[0]!.bytes).toBeLessThan(10_000_000);
    lazy.destroy();
  });

  it('does not slow the rendering, so that no database client is held', async () => {
    const running = await start();
    addLargeZone(running);
    const { at, zones } = running;
    let batches = 0;
    zones.beforeBatch = () => {
      batches++;
    };
    const lazy = await TestConnection.open(at);
    lazy.socket.pause();
    lazy.send(query(1, TYPE.AXFR, absoluteName('large.test.')));
    await until(() => batches === 7);
    lazy.destroy();
  });
});

describe('a version that can not be read to its end', () => {
  it('ends the connection of a slow reader too, and nothing else', async () => {
    const running = await start({ stallMs: 5000 });
    addLargeZone(running);
    const { at, zones, served, log } = running;
    zones.batch = 5000;
    zones.beforeBatch = async (number) => {
      // Late enough that the reader's socket is full and waits for more to be written.
      await new Promise((resolve) => setTimeout(resolve, 10));
      if (number === 10) throw new Error('the database went away');
    };
    const slow = await TestConnection.open(at);
    slow.socket.pause();
    slow.send(query(1, TYPE.AXFR, absoluteName('large.test.')));
    await until(() => log.find('AXFR started') !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 700));
    slow.socket.resume();
    for (let open = true; open; ) {
      open = (await slow.receive().catch(() => undefined)) !== undefined;
    }
    await until(() => served.length === 1);
    expect(served[0]).toMatchObject({ complete: false, failure: 'the database went away' });
    expect((await soa({ ...at, zone: ZONE })).serial).toBe(1);
  });
});

describe('bounds', () => {
  it('the connection that has rested longest makes room for a new one of its address', async () => {
    const { at } = await start({ connectionsPerAddress: 2 });
    const first = await TestConnection.open(at);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = await TestConnection.open(at);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const third = await TestConnection.open(at);
    expect(await isClosed(first)).toBe(true);
    for (const connection of [second, third]) {
      connection.send(query(1, TYPE.SOA));
      expect(readMessage((await connection.receive())!).rcode).toBe(RCODE.NOERROR);
      connection.destroy();
    }
    first.destroy();
  });

  it('the newest is turned away where all are busy', async () => {
    const running = await start({ connectionsPerAddress: 1 });
    const { at, zones, log } = running;
    let answerNow = (): void => {};
    zones.beforeCurrent = () => new Promise((resolve) => (answerNow = resolve));
    const busy = await TestConnection.open(at);
    busy.send(query(1, TYPE.SOA));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const turnedAway = await TestConnection.open(at);
    expect(await isClosed(turnedAway)).toBe(true);
    expect(log.find('connections are open already')).toBeDefined();
    answerNow();
    expect(readMessage((await busy.receive())!).id).toBe(1);
    busy.destroy();
  });

  it('strangers take no places of secondaries, and few at all', async () => {
    const { at } = await start({ connections: 100, strangerConnections: 2 });
    const strangers = [];
    for (let n = 0; n < 3; n++) {
      strangers.push(await TestConnection.open({ ...at, localAddress: `127.0.1.${n + 1}` }));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await isClosed(strangers[0]!)).toBe(true);
    strangers[2]!.send(query(1, TYPE.SOA));
    expect(readMessage((await strangers[2]!.receive())!).rcode).toBe(RCODE.REFUSED);
    for (const connection of strangers) connection.destroy();
  });

  it('a secondary finds a place where strangers have them all, and keeps it', async () => {
    const { at } = await start({ connections: 4, strangerConnections: 4 });
    const first = await TestConnection.open(at);
    const strangers = [];
    for (let n = 0; n < 3; n++) {
      strangers.push(await TestConnection.open({ ...at, localAddress: `127.0.1.${n + 1}` }));
    }
    const second = await TestConnection.open(at);
    for (const [id, connection] of [second, first].entries()) {
      connection.send(query(id, TYPE.SOA));
      expect(readMessage((await connection.receive())!).id).toBe(id);
    }
    expect(await isClosed(strangers[0]!)).toBe(true);
    for (const connection of [first, second, ...strangers]) connection.destroy();
  });

  it('who asks faster than is answered waits in its own socket', async () => {
    const { at, zones } = await start({ pipelined: 4 });
    let answerNow = (): void => {};
    const blocked = new Promise<void>((resolve) => (answerNow = resolve));
    zones.beforeCurrent = () => blocked;
    const connection = await TestConnection.open(at);
    const request = query(1, TYPE.SOA);
    const count = 20_000_000 / 60_000;
    const noise = frame(Buffer.concat([request, Buffer.alloc(60_000)]));
    connection.send(request);
    for (let n = 0; n < count; n++) connection.socket.write(noise);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(connection.socket.writableLength).toBeGreaterThan(5_000_000);
    answerNow();
    await until(() => connection.socket.writableLength === 0);
    connection.destroy();
  });

  it('a transfer waits for its turn, and is SERVFAIL when none comes', async () => {
    const running = await start({ transfers: 1, turnMs: 200, stallMs: 5000 });
    addLargeZone(running);
    const { at, log } = running;
    const lazy = await TestConnection.open(at);
    lazy.socket.pause();
    lazy.send(query(1, TYPE.AXFR, absoluteName('large.test.')));
    await until(() => log.find('AXFR started') !== undefined);
    await expect(axfr({ ...at, zone: ZONE })).rejects.toMatchObject({ rcode: RCODE.SERVFAIL });
    const waiting = axfr({ ...at, zone: ZONE });
    setTimeout(() => lazy.destroy(), 50);
    expect((await waiting).result.kind).toBe('axfr');
  });

  it('concurrent transfers of one version share one rendering', async () => {
    const running = await start();
    addLargeZone(running);
    const { at, zones } = running;
    const transfers = await Promise.all(
      Array.from({ length: 4 }, () => axfr({ ...at, zone: 'large.test.', timeoutMs: 20_000 })),
    );
    expect(new Set(transfers.map((transfer) => transfer.octets)).size).toBe(1);
    expect(zones.opened).toBe(1);
  });
});

describe('stopping', () => {
  it('ends the transfer under way, and takes no more', async () => {
    const running = await start();
    addLargeZone(running);
    const { at, server } = running;
    const transfer = axfr({ ...at, zone: 'large.test.', timeoutMs: 20_000 });
    await until(() => running.log.find('AXFR started') !== undefined);
    await server.stop(10_000);
    expect((await transfer).result.kind).toBe('axfr');
    await expect(soa({ ...at, zone: ZONE, transport: 'tcp' })).rejects.toThrow('ECONNREFUSED');
  });

  it('cuts what is not done by the deadline, and may be asked twice', async () => {
    const running = await start();
    addLargeZone(running);
    const { at, server, log, served } = running;
    const lazy = await TestConnection.open(at);
    lazy.socket.pause();
    lazy.send(query(1, TYPE.AXFR, absoluteName('large.test.')));
    await until(() => log.find('AXFR started') !== undefined);
    await Promise.all([server.stop(200), server.stop(200)]);
    expect(served[0]).toMatchObject({ complete: false, failure: 'the server is stopping' });
    lazy.destroy();
  });
});
