import { rcodeToText } from '../../dns/types.ts';
import { type Endpoint, formatEndpoint } from '../../endpoint.ts';
import type { Sockets } from '../../notify/sockets.ts';
import { askSerial } from '../../notify/verifier/ask.ts';
import type { PublishedZone } from '../../store/zones.ts';
import { failed, ok, type Verdict, warning } from '../doctor/verdict.ts';

const WITHIN = 3_000; // ms

/** Whether it answers questions about a zone at one address, over UDP and over TCP, and with which serial. */
export async function checkReach(
  sockets: Sockets,
  endpoint: Endpoint,
  { zone, zoneWire, serial }: PublishedZone,
): Promise<Verdict[]> {
  return Promise.all(
    (['udp', 'tcp'] as const).map(async (transport) => {
      const check = `${formatEndpoint(endpoint)} ${transport.toUpperCase()}`;
      const shown = await askSerial(sockets, endpoint, zoneWire, { transport, timeoutMs: WITHIN });
      if (shown.kind === 'silent')
        return failed(
          check,
          `${shown.error}. ${transport === 'udp' ? 'Is it running, and does the path let UDP through?' : 'Port 53 over TCP has to be open too (RFC 7766)'}`,
        );
      if (shown.kind === 'refused')
        return warning(
          check,
          `answers ${rcodeToText(shown.rcode)} for ${zone}: it does not serve that zone to us`,
        );
      return ok(
        check,
        `answers, ${zone} at serial ${shown.serial}${shown.serial === serial ? '' : `, ours is ${serial}`}`,
      );
    }),
  );
}
