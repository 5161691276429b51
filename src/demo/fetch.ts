import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Clock } from '../clock.ts';
import { FrameReader, frame } from '../dns/framer.ts';
import { type InboundResult, InboundTransfer } from '../dns/inbound.ts';
import { readMessage } from '../dns/message.ts';
import { buildQuery, serialSoa } from '../dns/query.ts';
import { signRequest, type TsigKey, TsigVerifier } from '../dns/tsig.ts';
import { TYPE } from '../dns/types.ts';
import type { Endpoint } from '../endpoint.ts';

export interface FetchOptions {
  primary: Endpoint;
  /** The zone's name on the wire. */
  zone: Buffer;
  key: TsigKey;
  /** The serial that is there already: asks for the way from it (RFC 1995) instead of the whole zone (RFC 5936). */
  haveSerial?: number;
  clock: Clock;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Pulls a zone over TCP, every message verified. Rejects where the transfer is refused, wrong or late. */
export async function fetchZone(options: FetchOptions): Promise<InboundResult> {
  const { primary, zone, key, haveSerial, clock } = options;
  const kind = haveSerial === undefined ? 'AXFR' : 'IXFR';
  const id = randomInt(65_536);
  const query = buildQuery({
    id,
    name: zone,
    type: TYPE[kind],
    ...(haveSerial === undefined ? {} : { authoritySoa: serialSoa(haveSerial) }),
  });
  const { bytes: request, mac } = signRequest(query, key, clock.now());
  const verifier = new TsigVerifier(key, mac, clock);
  const inbound = new InboundTransfer({
    zone,
    kind,
    id,
    ...(haveSerial === undefined ? {} : { haveSerial }),
  });

  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  const socket = connect(primary.port, primary.ip);
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort);
  try {
    await once(socket, 'connect');
    socket.write(frame(request));
    const frames = new FrameReader();
    for await (const chunk of socket) {
      for (const bytes of frames.push(chunk as Buffer)) {
        const message = verifier.verify(bytes, readMessage(bytes));
        if (inbound.message(message) !== 'done') continue;
        verifier.finish();
        return inbound.end();
      }
    }
    return inbound.end();
  } finally {
    signal.removeEventListener('abort', abort);
    socket.on('error', () => {}).destroy();
  }
}
