// A flood in a process of its own, so that it takes no time of those who measure.
import { dnsFloods } from './dns.ts';
import { httpFloods } from './http.ts';
import type { FloodOrder } from './measure.ts';
import { tlsFloods } from './tls.ts';

const floods = { dns: dnsFloods, http: httpFloods, tls: tlsFloods };

process.once('message', async ({ at, name, to, count }: FloodOrder) => {
  const flood = await floods[at][name]!(to, count);
  process.send?.('begun');
  process.on('message', async () => {
    const done = flood.done();
    await flood.stop();
    process.send?.(done, () => process.exit());
  });
});
process.once('disconnect', () => process.exit());
