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
  /** Signs the request, and every message of the reply has to be signed with it; without one none is. */
  key?: TsigKey | undefined;
  /** The serial that is there already: asks for the way from it (RFC 1995) instead of the whole zone (RFC 5936). */
  haveSerial?: number;
  clock: Clock;
  /** For the whole of it. */
  timeoutMs: number;
  /** From the start to the first whole message, and from each to the next; without it, `timeoutMs` alone holds. */
  messageMs?: number;
  signal?: AbortSignal;
  /** Records to take at most, against a primary without end. */
  maxRecords?: number;
  /** Octets of their names and data to take at most. */
  maxOctets?: number;
  /** Takes messages without the bit AA, as some primaries send them. */
  withoutAa?: boolean;
}

/**
 * Pulls a zone over TCP, as a secondary does.
 *
 * @throws TransferError where it is refused or wrong, TsigError where a signature is missing or wrong, and what the socket says
 */
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
  const signed = key && signRequest(query, key, clock.now());
  const verifier = key && signed && new TsigVerifier(key, signed.mac, clock);
  const inbound = new InboundTransfer({
    withoutAa: options.withoutAa === true,
    zone,
    kind,
    id,
    ...(haveSerial === undefined ? {} : { haveSerial }),
    ...(options.maxRecords === undefined ? {} : { maxRecords: options.maxRecords }),
    ...(options.maxOctets === undefined ? {} : { maxOctets: options.maxOctets }),
  });

  const signal = AbortSignal.any([
    ...(options.signal ? [options.signal] : []),
    AbortSignal.timeout(options.timeoutMs),
  ]);
  const socket = connect(primary.port, primary.ip);
  const abort = () => socket.destroy(signal.reason as Error);
  signal.addEventListener('abort', abort);
  const { messageMs } = options;
  const stall =
    messageMs === undefined
      ? undefined
      : setTimeout(
          () => socket.destroy(new Error(`no whole message came for ${messageMs / 1000} s`)),
          messageMs,
        );
  try {
    await once(socket, 'connect');
    socket.write(frame(signed?.bytes ?? query));
    const frames = new FrameReader();
    for await (const chunk of socket) {
      for (const bytes of frames.push(chunk as Buffer)) {
        stall?.refresh();
        const read = readMessage(bytes);
        const message = verifier ? verifier.verify(bytes, read) : read;
        if (inbound.message(message) !== 'done') continue;
        verifier?.finish();
        return inbound.end();
      }
    }
    return inbound.end();
  } finally {
    clearTimeout(stall);
    signal.removeEventListener('abort', abort);
    socket.on('error', () => {}).destroy();
  }
}
