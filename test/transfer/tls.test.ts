import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, rename, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { frame } from '../../src/dns/framer.ts';
import { readMessage } from '../../src/dns/message.ts';
import { absoluteName } from '../../src/dns/name.ts';
import { buildQuery } from '../../src/dns/query.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { silentLog } from '../../src/log.ts';
import { createTransferServer } from '../../src/transfer/server.ts';
import type { TlsOptions } from '../../src/transfer/tls.ts';
import { Authority, type Certificate } from '../support/certificates.ts';
import { MemoryRegistry, MemoryZones, makeKey } from '../support/memory-zones.ts';
import { axfr, ixfr, type Peer, soa, TestConnection } from '../support/transfer-client.ts';
import { type Running, SMALL_ZONE, startServer, until } from './harness.ts';

const ZONE = 'example.com.';

let authority: Authority;
let other: Authority;
let own: Certificate;
let client: Certificate;

beforeAll(async () => {
  [authority, other] = await Promise.all([Authority.make(), Authority.make('Another Authority')]);
  own = await authority.issue('primary.test');
  client = await authority.issue('secondary.test');
});

afterAll(async () => {
  await Promise.all([authority?.remove(), other?.remove()]);
});

interface RunningTls extends Running {
  /** For the client's functions: over TLS, with the server's name checked. */
  over: Peer & { tls: ConnectionOptions };
}

async function start(
  options: Partial<TlsOptions> = {},
  limits: Parameters<typeof startServer>[0] = {},
): Promise<RunningTls> {
  const running = await startServer(limits, { cert: own.certFile, key: own.keyFile, ...options });
  running.registry.add('s1');
  running.zones.add(ZONE, SMALL_ZONE, 7);
  const { ip, port } = running.server.tlsAddresses()[0]!;
  return { ...running, over: { host: ip, port, tls: { ca: authority.ca, servername: 'primary.test' } } };
}

function query(id: number, type: number, zone = ZONE): Buffer {
  return buildQuery({ id, name: absoluteName(zone), type });
}

/** The same client with other options of TLS. */
function withTls(over: RunningTls['over'], options: ConnectionOptions): RunningTls['over'] {
  return { ...over, tls: { ...over.tls, ...options } };
}

/** Whether the server closes the connection within two seconds, without another message. */
async function isClosed(connection: TestConnection): Promise<boolean> {
  try {
    return (await connection.receive(2000)) === undefined;
  } catch (error) {
    return error instanceof Error && 'code' in error;
  }
}

/** Whether the client, whose handshake may look good to it, is closed without an answer. */
async function isShutOut(peer: RunningTls['over']): Promise<boolean> {
  let connection: TestConnection;
  try {
    connection = await TestConnection.open(peer);
  } catch {
    return true;
  }
  connection.send(query(1, TYPE.SOA));
  const closed = await isClosed(connection);
  connection.destroy();
  return closed;
}

describe('XFR over TLS (RFC 9103)', () => {
  it('gives SOA, AXFR and IXFR as over TCP, and says tls', async () => {
    const { over, zones, served, log } = await start();
    expect(await soa({ ...over, zone: ZONE, transport: 'tcp' })).toMatchObject({ rcode: 0, serial: 7 });
    const whole = await axfr({ ...over, zone: ZONE });
    expect(whole.result.kind === 'axfr' && whole.result.records).toHaveLength(SMALL_ZONE.length);
    zones.change(ZONE, { add: ['new 300 A 192.0.2.9'] });
    zones.add('large.test.', manyLines(5000));
    zones.batch = 1000;
    expect((await ixfr({ ...over, zone: ZONE, serial: 7 })).result.kind).toBe('ixfr');
    const large = await axfr({ ...over, zone: 'large.test.' });
    expect(large.result.kind === 'axfr' && large.result.records).toHaveLength(5001);
    await until(() => served.length === 4);
    expect(served.map((event) => [event.given, event.transport])).toEqual([
      ['SOA', 'tls'],
      ['AXFR', 'tls'],
      ['IXFR', 'tls'],
      ['AXFR', 'tls'],
    ]);
    await until(() => log.find('AXFR started (serial 7)') !== undefined);
    expect(log.find('AXFR started (serial 7)')?.fields).toMatchObject({ transport: 'tls', secondary: 's1' });
  });

  it('is signed with TSIG as over TCP', async () => {
    const { over, registry } = await start();
    const key = makeKey('key.example.');
    registry.list.splice(0);
    registry.add('s2', { keys: [key] });
    expect((await axfr({ ...over, zone: ZONE, key })).result.kind).toBe('axfr');
    await expect(axfr({ ...over, zone: ZONE })).rejects.toMatchObject({ rcode: RCODE.REFUSED });
  });

  it('gives nothing to strangers, and answers nothing but SOA and transfers (9103, 7.8)', async () => {
    const { over } = await start();
    const stranger = { ...over, localAddress: '127.0.0.2' };
    await expect(axfr({ ...stranger, zone: ZONE })).rejects.toMatchObject({ rcode: RCODE.REFUSED });
    const reply = await soa({ ...stranger, zone: ZONE, transport: 'tcp' });
    expect(reply).toMatchObject({ rcode: RCODE.REFUSED, message: { answers: [] } });
    const connection = await TestConnection.open(over);
    connection.send(query(1, TYPE.A), query(2, TYPE.ANY), query(3, TYPE.TXT));
    for (const id of [1, 2, 3]) {
      const message = readMessage((await connection.receive())!);
      expect(message).toMatchObject({ id, rcode: RCODE.REFUSED, answers: [] });
    }
    connection.destroy();
  });

  it('takes TLS 1.3 alone (9103, 7.2)', async () => {
    const { over, log } = await start();
    const old = withTls(over, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
    await expect(axfr({ ...old, zone: ZONE })).rejects.toThrow(/protocol version/);
    await until(() => log.find('TLS handshake: unsupported protocol') !== undefined);
    expect(log.find('unsupported protocol')?.fields).toMatchObject({ transport: 'tls' });
    const connection = await TestConnection.open(over);
    expect((connection.socket as TLSSocket).getProtocol()).toBe('TLSv1.3');
    expect((connection.socket as TLSSocket).alpnProtocol).toBe('dot');
    connection.destroy();
  });

  it('closes on a client without the ALPN token "dot" (9103, 7.1)', async () => {
    const { over, log } = await start();
    const without = { ...over, tls: { ...over.tls, ALPNProtocols: [] } };
    expect(await isShutOut(without)).toBe(true);
    expect(log.find('the client offers no ALPN')?.fields).toMatchObject({ transport: 'tls' });
    await expect(
      axfr({ ...over, tls: { ...over.tls, ALPNProtocols: ['h2', 'doq'] }, zone: ZONE }),
    ).rejects.toThrow(/no application protocol/);
    expect(
      (await axfr({ ...over, tls: { ...over.tls, ALPNProtocols: ['h2', 'dot'] }, zone: ZONE })).result.kind,
    ).toBe('axfr');
  });

  it('resumes no session: each connection shows again who it is', async () => {
    const { over } = await start({ clientCa: authority.caFile });
    const mine = withTls(over, { cert: client.cert, key: client.key });
    const first = await TestConnection.open(mine);
    const session = once(first.socket, 'session');
    first.send(query(1, TYPE.SOA));
    await first.receive();
    const [ticket] = (await session) as [Buffer];
    first.destroy();
    const again = await TestConnection.open(withTls(mine, { session: ticket }));
    expect((again.socket as TLSSocket).isSessionReused()).toBe(false);
    again.destroy();
    // The ticket alone, without a certificate.
    expect(await isShutOut(withTls(over, { session: ticket }))).toBe(true);
  });
});

describe('with a client authority (mutual TLS)', () => {
  it('lets in who has a certificate of it, and nobody else', async () => {
    const { over, log } = await start({ clientCa: authority.caFile });
    const theirs = await other.issue('secondary.test');
    expect(
      (await axfr({ ...withTls(over, { cert: client.cert, key: client.key }), zone: ZONE })).result.kind,
    ).toBe('axfr');
    expect(await isShutOut(over)).toBe(true);
    await until(() => log.find('the client has no certificate') !== undefined);
    expect(await isShutOut(withTls(over, { cert: theirs.cert, key: theirs.key }))).toBe(true);
    await until(() => log.find("the client's certificate is not good for TLS_CLIENT_CA") !== undefined);
  });

  it('still decides by address and key who may have what', async () => {
    const { over } = await start({ clientCa: authority.caFile });
    const mine = withTls(over, { cert: client.cert, key: client.key });
    await expect(axfr({ ...mine, localAddress: '127.0.0.2', zone: ZONE })).rejects.toMatchObject({
      rcode: RCODE.REFUSED,
    });
  });

  it('is not asked for where none is set: any certificate will do', async () => {
    const { over } = await start();
    const theirs = await other.issue('secondary.test');
    expect(
      (await axfr({ ...withTls(over, { cert: theirs.cert, key: theirs.key }), zone: ZONE })).result.kind,
    ).toBe('axfr');
  });
});

describe('a connection over TLS is one of RFC 7766', () => {
  it('answers requests cut into octets, several in one, and pipelined transfers in order', async () => {
    const { over } = await start();
    const connection = await TestConnection.open(over);
    for (const octet of frame(query(1, TYPE.SOA))) {
      connection.socket.write(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(readMessage((await connection.receive())!).id).toBe(1);
    connection.send(query(2, TYPE.AXFR), query(3, TYPE.SOA), query(4, TYPE.AXFR));
    for (const id of [2, 3, 4]) expect(readMessage((await connection.receive())!).id).toBe(id);
    connection.destroy();
  });

  it('answers what was asked when the client has closed its side', async () => {
    const { over } = await start();
    const connection = await TestConnection.open(over);
    connection.send(query(1, TYPE.SOA), query(2, TYPE.AXFR), query(3, TYPE.SOA));
    connection.socket.end();
    for (const id of [1, 2, 3]) expect(readMessage((await connection.receive())!).id).toBe(id);
    expect(await connection.receive()).toBeUndefined();
  });

  it('is closed when it rests, and when it takes nothing', async () => {
    const { over, zones, served } = await start({}, { idleMs: 200, stallMs: 300 });
    const resting = await TestConnection.open(over);
    expect(await isClosed(resting)).toBe(true);
    zones.batch = 10_000;
    zones.add('large.test.', manyLines(60_000, `TXT "${'x'.repeat(200)}"`));
    const lazy = await TestConnection.open(over);
    lazy.socket.pause();
    lazy.send(query(1, TYPE.AXFR, 'large.test.'));
    await until(() => served.length === 1);
    expect(served[0]).toMatchObject({
      complete: false,
      failure: expect.stringContaining('reads too slowly'),
    });
    lazy.destroy();
  });

  it('counts for the caps of its address together with those over TCP', async () => {
    const { over, at } = await start({}, { connectionsPerAddress: 2 });
    const first = await TestConnection.open(at);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = await TestConnection.open(over);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const third = await TestConnection.open(over);
    expect(await isClosed(first)).toBe(true);
    for (const connection of [second, third]) {
      connection.send(query(1, TYPE.SOA));
      expect(readMessage((await connection.receive())!).rcode).toBe(RCODE.NOERROR);
      connection.destroy();
    }
  });

  it('ends its transfer when the server stops', async () => {
    const { over, zones, server, log } = await start();
    zones.batch = 10_000;
    zones.add('large.test.', manyLines(60_000, `TXT "${'x'.repeat(200)}"`));
    const transfer = axfr({ ...over, zone: 'large.test.', timeoutMs: 20_000 });
    await until(() => log.find('AXFR started') !== undefined);
    await server.stop(10_000);
    expect((await transfer).result.kind).toBe('axfr');
    await expect(TestConnection.open(over)).rejects.toThrow('ECONNREFUSED');
  });
});

describe('handshakes', () => {
  it('end at their deadline, whatever is sent meanwhile', async () => {
    const { over, log } = await start({ caps: { handshakeMs: 300 } });
    const begun = performance.now();
    const silent = await rawConnection(over);
    const dripping = await rawConnection(over);
    // A ClientHello that never comes to its end.
    const hello = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(500)]);
    let sent = 0;
    const drip = setInterval(() => dripping.write(hello.subarray(sent, ++sent)), 20);
    await Promise.all([closing(silent), closing(dripping)]);
    clearInterval(drip);
    expect(performance.now() - begun).toBeGreaterThan(250);
    expect(performance.now() - begun).toBeLessThan(2000);
    const late = () => log.lines.filter((line) => line.message.includes('took longer than 300 ms'));
    await until(() => late().length === 2);
    expect(late()[0]?.fields).toMatchObject({ transport: 'tls' });
    expect((await axfr({ ...over, zone: ZONE })).result.kind).toBe('axfr');
  });

  it('of strangers are few, and take no places of secondaries', async () => {
    const { over, log } = await start({ caps: { handshakes: 10, strangerHandshakes: 2 } });
    const strangers = [];
    for (let n = 0; n < 3; n++) strangers.push(await rawConnection({ ...over, localAddress: '127.0.0.2' }));
    await closing(strangers[2]!);
    expect(log.find('2 TLS handshakes are under way already')).toBeDefined();
    expect((await axfr({ ...over, zone: ZONE })).result.kind).toBe('axfr');
    // One that leaves makes room.
    strangers[0]!.resetAndDestroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(axfr({ ...over, localAddress: '127.0.0.2', zone: ZONE })).rejects.toMatchObject({
      rcode: RCODE.REFUSED,
    });
    for (const socket of strangers) socket.destroy();
  });

  it('are so many at once, and free their place when they are through', async () => {
    const { over } = await start({ caps: { handshakes: 2, strangerHandshakes: 2 } });
    const one = await rawConnection(over);
    const open = [];
    for (let n = 0; n < 5; n++) {
      const connection = await TestConnection.open(over);
      // The client is through before the server is.
      connection.send(query(0, TYPE.SOA));
      await connection.receive();
      open.push(connection);
    }
    const two = await rawConnection(over);
    expect(await isShutOut(over)).toBe(true);
    for (const socket of [one, two]) socket.destroy();
    for (const connection of open) {
      connection.send(query(1, TYPE.SOA));
      expect(readMessage((await connection.receive())!).rcode).toBe(RCODE.NOERROR);
      connection.destroy();
    }
  });

  it('under way are cut when the server stops', async () => {
    const { over, server } = await start();
    const silent = await rawConnection(over);
    const begun = performance.now();
    await Promise.all([server.stop(100), closing(silent)]);
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  it('survive what is no TLS', async () => {
    const { over, log } = await start();
    for (const noise of ['GET / HTTP/1.0\r\n\r\n', '\0\x1d\0\x01', '\x16\x03\x01\xff\xff']) {
      const socket = await rawConnection(over);
      socket.end(noise, 'latin1');
      socket.destroySoon();
      await closing(socket);
    }
    const plain = await TestConnection.open({ host: over.host, port: over.port });
    plain.send(query(1, TYPE.AXFR));
    expect(await plain.receive(2000).catch(() => undefined)).toBeUndefined();
    plain.destroy();
    await until(() => log.find('TLS handshake: http request') !== undefined);
    expect((await axfr({ ...over, zone: ZONE })).result.kind).toBe('axfr');
  });
});

describe('certificate, key and authority are read again without a restart', () => {
  /** A server that follows copies of its own, and what it shows of its certificate now. */
  async function startFollowing(
    lookEveryMs = 50,
  ): Promise<
    RunningTls & { files: { cert: string; key: string; clientCa: string }; shown(): Promise<string> }
  > {
    const folder = authority.folder;
    const mark = createHash('sha256').update(String(performance.now())).digest('hex').slice(0, 8);
    const files = {
      cert: join(folder, `${mark}.pem`),
      key: join(folder, `${mark}.key`),
      clientCa: join(folder, `${mark}-ca.pem`),
    };
    await copyFile(own.certFile, files.cert);
    await copyFile(own.keyFile, files.key);
    await copyFile(authority.caFile, files.clientCa);
    const running = await start({ ...files, lookEveryMs });
    const over = withTls(running.over, { cert: client.cert, key: client.key });
    const shown = async () => {
      const connection = await TestConnection.open(over);
      const { subject } = (connection.socket as TLSSocket).getPeerCertificate();
      connection.destroy();
      return String(subject.CN);
    };
    return { ...running, over, files, shown };
  }

  it('connections under way go on, new ones see the new certificate', async () => {
    const { over, files, shown, log } = await startFollowing();
    const before = await TestConnection.open(over);
    expect(await shown()).toBe('primary.test');
    const renewed = await authority.issue('renewed.test', 'DNS:primary.test');
    await copyFile(renewed.certFile, files.cert);
    await copyFile(renewed.keyFile, files.key);
    await until(() => log.find('TLS certificate of CN=renewed.test is in force') !== undefined);
    expect(await shown()).toBe('renewed.test');
    before.send(query(1, TYPE.SOA));
    expect(readMessage((await before.receive())!).rcode).toBe(RCODE.NOERROR);
    before.destroy();
  });

  it('a pair that does not work keeps the old one and says so once; mended, it comes into force', async () => {
    const { files, shown, log } = await startFollowing();
    const renewed = await authority.issue('renewed.test', 'DNS:primary.test');
    await copyFile(renewed.certFile, files.cert);
    const says = 'new TLS files can not be used, those before stay in force: TLS_KEY: got';
    await until(() => log.find(says) !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(log.lines.filter((line) => line.message.startsWith(says))).toHaveLength(1);
    expect(log.find(says)).toMatchObject({
      level: 'error',
      message: expect.stringContaining('takes the private key of the certificate in TLS_CERT'),
    });
    expect(await shown()).toBe('primary.test');
    await copyFile(renewed.keyFile, files.key);
    await until(() => log.find('CN=renewed.test is in force') !== undefined);
    expect(await shown()).toBe('renewed.test');
  });

  it('a pair of which one half comes a moment later is no error', async () => {
    const { files, log } = await startFollowing(400);
    const renewed = await authority.issue('renewed.test', 'DNS:primary.test');
    await copyFile(renewed.certFile, files.cert);
    // One look falls in between, hardly ever none.
    await new Promise((resolve) => setTimeout(resolve, 350));
    await copyFile(renewed.keyFile, files.key);
    await until(() => log.find('CN=renewed.test is in force') !== undefined);
    expect(log.find('can not be used')).toBeUndefined();
  });

  it('a file that is gone or empty for a while changes nothing', async () => {
    const { files, shown, log } = await startFollowing();
    await rename(files.key, `${files.key}.old`);
    await until(() => log.find('takes the path of a readable file') !== undefined);
    expect(await shown()).toBe('primary.test');
    await rename(`${files.key}.old`, files.key);
    await writeFile(files.cert, '');
    await until(() => log.find('takes a PEM file with a certificate: there is none in it') !== undefined);
    expect(await shown()).toBe('primary.test');
  });

  it('who has a certificate of a replaced authority stays out from then on', async () => {
    const { over, files, log } = await startFollowing();
    const theirs = await other.issue('secondary.test');
    const newcomer = withTls(over, { cert: theirs.cert, key: theirs.key });
    expect(await isShutOut(newcomer)).toBe(true);
    const inForce = () => log.lines.filter((line) => line.message.includes('is in force')).length;
    expect(inForce()).toBe(1);
    await copyFile(other.caFile, files.clientCa);
    await until(() => inForce() === 2);
    expect((await axfr({ ...newcomer, zone: ZONE })).result.kind).toBe('axfr');
    expect(await isShutOut(over)).toBe(true);
    // Both, as in a roll-over of authorities.
    await writeFile(files.clientCa, authority.ca + other.ca);
    await until(() => inForce() === 3);
    for (const peer of [over, newcomer]) {
      expect((await axfr({ ...peer, zone: ZONE })).result.kind).toBe('axfr');
    }
  });
});

describe('a start that can not be', () => {
  function make(tls: Partial<TlsOptions>): ReturnType<typeof createTransferServer> {
    return createTransferServer({
      listen: [{ ip: '127.0.0.1', port: 0 }],
      tls: { listen: [{ ip: '127.0.0.1', port: 0 }], cert: own.certFile, key: own.keyFile, ...tls },
      source: new MemoryZones(),
      registry: new MemoryRegistry(),
      clock: systemClock,
      log: silentLog,
    });
  }

  it('says in one line which setting is wrong, and leaves nothing open', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const strange = join(authority.folder, 'strange.key');
    await writeFile(strange, 'no key at all');
    const cases: [Partial<TlsOptions>, string][] = [
      [
        { key: client.keyFile },
        `TLS_KEY: got "${client.keyFile}", takes the private key of the certificate in TLS_CERT, ${own.certFile}`,
      ],
      [
        { key: strange },
        `TLS_KEY: got "${strange}", takes a PEM file with a private key that has no passphrase`,
      ],
      [
        { cert: own.keyFile },
        `TLS_CERT: got "${own.keyFile}", takes a PEM file with a certificate: there is none in it`,
      ],
      [
        { clientCa: own.keyFile },
        `TLS_CLIENT_CA: got "${own.keyFile}", takes a PEM file with a certificate: there is none in it`,
      ],
      [
        { listen: [{ ip: '127.0.0.1', port }] },
        `TLS_LISTEN: got "127.0.0.1:${port}", takes a free port: this one is taken by another program (TCP); stop it or choose another`,
      ],
    ];
    for (const [options, message] of cases) {
      const server = make(options);
      await expect(server.start()).rejects.toThrow(message);
      expect([server.addresses(), server.tlsAddresses()]).toEqual([[], []]);
      await server.stop(100);
    }
    taken.close();
  });
});

function manyLines(count: number, rdata = 'A 192.0.2.1'): string[] {
  return ['@ 300 NS ns1.example.net.', ...Array.from({ length: count }, (_, n) => `h${n} 300 ${rdata}`)];
}

/** A TCP connection to the TLS port, on which no handshake is begun. */
async function rawConnection(peer: Peer): Promise<Socket> {
  const socket = connect({
    host: peer.host,
    port: peer.port,
    ...(peer.localAddress === undefined ? {} : { localAddress: peer.localAddress }),
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.resume();
  return socket;
}

async function closing(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, 'close', { signal: AbortSignal.timeout(3000) });
}
