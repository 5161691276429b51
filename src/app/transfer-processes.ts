import { formatEndpoint } from '../endpoint.ts';
import { UserError } from '../errors.ts';
import { Listeners, listenTcp } from '../transfer/listeners.ts';
import type { Shared } from './shared.ts';
import { TransferProcess } from './transfer-processes/process.ts';

export { SHARES_PORTS } from './transfer-processes/process.ts';

/**
 * The role `transfer` in `count` processes of their own, which share the ports: the system gives each connection and each client's
 * datagrams to one of them. Each is right alone. One that ends is started again; when this process ends, they do.
 */
export async function startTransferProcesses(
  shared: Pick<Shared, 'config' | 'log' | 'metrics' | 'onStop' | 'onReady'>,
  count: number,
): Promise<void> {
  const { config, log, metrics, onStop, onReady } = shared;
  for (const endpoint of [...config.dnsListen, ...(config.tls?.listen ?? [])])
    if (endpoint.port === 0)
      throw new UserError(
        `DNS_LISTEN: got "${formatEndpoint(endpoint)}", takes a port other than 0 for several processes`,
      );
  await refuseTakenPorts(shared);
  const children = Array.from({ length: count }, (_, index) => new TransferProcess(index + 1, log));
  onStop(() => Promise.all(children.map((child) => child.stop())));
  await Promise.all(children.map((child) => child.start()));
  onReady(() => children.flatMap((child) => child.problems()).join('; ') || undefined);
  metrics.include(async () => (await Promise.all(children.map((child) => child.counted()))).flat());
  log.info(
    {},
    `DNS on ${config.dnsListen.map(formatEndpoint).join(', ')}, TCP and UDP, by ${count} processes`,
  );
}

/** Ports that are shared can be had twice: another program's are only seen by who wants them alone. */
async function refuseTakenPorts({ config }: Pick<Shared, 'config'>): Promise<void> {
  const listeners = new Listeners(config.dnsListen, { onConnection: () => {}, onDatagram: () => {} });
  await listeners.start();
  await listeners.stop();
  for (const endpoint of config.tls?.listen ?? []) {
    const server = await listenTcp(endpoint, 'TLS_LISTEN', (socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  }
}
