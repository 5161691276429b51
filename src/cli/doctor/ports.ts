import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIPv6 } from 'node:net';
import { type Endpoint, formatEndpoint } from '../../endpoint.ts';
import { failed, ok, type Verdict } from './verdict.ts';

const WITHIN = 2_000; // ms

/** Where the service listens, or would: answered by it while it runs here, else free. */
export async function checkPorts(
  setting: string,
  endpoints: readonly Endpoint[],
  kinds: readonly ('tcp' | 'udp')[],
  isRunningHere: boolean,
): Promise<Verdict[]> {
  return Promise.all(
    endpoints.flatMap((endpoint) =>
      kinds.map(async (kind) => {
        const check = `${setting} ${formatEndpoint(endpoint)} ${kind.toUpperCase()}`;
        if (endpoint.port === 0) return ok(check, 'any free port');
        if (isRunningHere && kind === 'tcp')
          return (await isOpen(endpoint))
            ? ok(check, 'takes connections')
            : failed(
                check,
                'the service runs on this machine, but nothing takes connections here: is its setting another?',
              );
        const problem = await whyNotFree(endpoint, kind);
        if (isRunningHere)
          return problem === 'EADDRINUSE'
            ? ok(check, 'in use by the service')
            : failed(
                check,
                'the service runs on this machine, but nothing listens here: is its setting another?',
              );
        return problem === undefined ? ok(check, 'free') : failed(check, inWords(problem));
      }),
    ),
  );
}

async function isOpen({ ip, port }: Endpoint): Promise<boolean> {
  const local = ip === '0.0.0.0' ? '127.0.0.1' : ip === '::' ? '::1' : ip;
  const socket = connect(port, local);
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(WITHIN) });
    return true;
  } catch {
    return false;
  } finally {
    socket.on('error', () => {}).destroy();
  }
}

/** The code of the error that binding gives; undefined where it works. */
async function whyNotFree({ ip, port }: Endpoint, kind: 'tcp' | 'udp'): Promise<string | undefined> {
  try {
    if (kind === 'tcp') {
      const server = createServer().listen(port, ip);
      await once(server, 'listening');
      server.close();
    } else {
      const socket = createSocket(isIPv6(ip) ? 'udp6' : 'udp4').bind(port, ip);
      await once(socket, 'listening');
      socket.close();
    }
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

function inWords(code: string): string {
  if (code === 'EADDRINUSE') return 'something else listens there: stop it, or choose another port';
  if (code === 'EACCES') return 'ports below 1024 take rights: CAP_NET_BIND_SERVICE, or another port';
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have that address';
  return `can't be had: ${code}`;
}
