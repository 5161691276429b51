import { absoluteName } from '../../../src/dns/name.ts';
import { buildQuery } from '../../../src/dns/query.ts';
import { TYPE } from '../../../src/dns/types.ts';
import { until } from '../../support/until.ts';
import type { Stage } from './stage.ts';

export const BIG = 'big.fault.test.';
const HOSTS = 20_000;

/** A zone so large that a transfer of it does not fit into the buffers on the way; made once a stage. */
export async function bigZone(stage: Stage): Promise<void> {
  await stage.operator.query(
    `with zone as (
       insert into zones (name, primary_ns, contact) values ($1, 'ns1.' || $1, 'h@' || $1) on conflict do nothing returning id)
     insert into records (zone_id, name, type, content)
     select id, $1, 'NS', 'ns1.' || $1 from zone
     union all select id, format('host%s.%s', host, $1), 'TXT', format('"%s"', repeat('x', 200)) from zone, generate_series(1, $2::int) host`,
    [BIG, HOSTS],
  );
  await until(
    'the big zone is published',
    async () =>
      (
        await stage.operator.query('select from zones where name = $1 and published_serial is not null', [
          BIG,
        ])
      ).rowCount === 1,
    { deadlineMs: 60_000 },
  );
}

/** Asks for a whole zone. */
export const axfrOf = (zone: string) => buildQuery({ id: 7, name: absoluteName(zone), type: TYPE.AXFR });
