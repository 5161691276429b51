import { absoluteName, canonicalName } from '../../dns/name.ts';
import { canonicalRdata, parseRdata } from '../../dns/rdata/index.ts';
import { typeFromText } from '../../dns/types.ts';
import type { Client } from '../pool.ts';

const BATCH = 10_000;

/**
 * Compares a zone with the staged rows, into the temporary tables `import_gone` (ids of records that the file lacks) and `import_new`
 * (staged rows that the zone lacks). First by text, then what is left by its canonical data, so that spelling is no difference.
 */
export async function findDifferences(client: Client, zoneId: string): Promise<{ served: boolean }> {
  await client.query(
    `create temporary table import_gone on commit drop as
     select r.id, r.owner, r.type collate "C" as type, r.ttl, r.content, r.disabled from records r
     where r.zone_id = ${BigInt(zoneId)} and (r.disabled or not exists (
       select from import_rows i where not i.twin and i.owner = r.owner and i.type = r.type and i.ttl = r.ttl and i.content = r.content))`,
  );
  await client.query(
    `create temporary table import_new on commit drop as
     select i.* from import_rows i
     where not i.twin and not exists (
       select from records r where r.zone_id = ${BigInt(zoneId)} and not r.disabled
         and r.owner = i.owner and r.type collate "C" = i.type and r.ttl = i.ttl and r.content collate "C" = i.content)`,
  );
  await client.query('create index on import_gone (id); create index on import_new (owner)');
  await client.query('analyze import_gone; analyze import_new');
  await forgetSpellings(client);
  const { rows } = await client.query<{ served: boolean }>(
    'select exists (select from import_new) or exists (select from import_gone where not disabled) as served',
  );
  return { served: rows[0]?.served ?? false };
}

/** Deletes and inserts what differs. */
export async function writeDifferences(
  client: Client,
  zoneId: string,
): Promise<{ added: number; deleted: number }> {
  // no statement at all where there is nothing: even an empty one runs the triggers
  const { rows } = await client.query<{ gone: boolean; fresh: boolean }>(
    'select exists (select from import_gone) as gone, exists (select from import_new) as fresh',
  );
  const deleted = rows[0]?.gone
    ? await client.query('delete from records where id in (select id from import_gone)')
    : undefined;
  const added = rows[0]?.fresh
    ? await client.query(
        `insert into records (zone_id, name, type, ttl, content, answers, fallback, debug_txt)
         select $1::bigint, name, type, ttl, content, ${STAGED_OPTIONS} from import_new order by line`,
        [zoneId],
      )
    : undefined;
  return { added: added?.rowCount ?? 0, deleted: deleted?.rowCount ?? 0 };
}

/** The options of a staged row, in the order of the columns. */
export const STAGED_OPTIONS = `coalesce(options ->> 'answers', 'stable'),
  case when options is null then '{}' else array(select jsonb_array_elements_text(options -> 'fallback'))::inet[] end,
  coalesce((options ->> 'debugTxt')::boolean, false)`;

/** Has each ALIAS that stays take the options that its line in the file gives; those not given stay. Gives how many changed. */
export async function writeOptions(client: Client, zoneId: string): Promise<number> {
  const { rows } = await client.query<{ there: boolean }>(
    'select exists (select from import_rows where options is not null) as there',
  );
  if (!rows[0]?.there) return 0;
  const { rowCount } = await client.query(
    `update records r set answers = n.answers, fallback = n.fallback, debug_txt = n.debug_txt
     from (
       select r.id, coalesce(i.options ->> 'answers', r.answers) as answers,
         case when i.options ? 'fallback' then array(select jsonb_array_elements_text(i.options -> 'fallback'))::inet[] else r.fallback end as fallback,
         coalesce((i.options ->> 'debugTxt')::boolean, r.debug_txt) as debug_txt
       from import_rows i join records r on r.zone_id = $1::bigint and r.owner = i.owner and r.type = 'ALIAS' and not r.disabled
       where i.type = 'ALIAS' and not i.twin and i.options is not null
     ) as n
     where r.id = n.id and (r.answers, r.fallback, r.debug_txt) is distinct from (n.answers, n.fallback, n.debug_txt)`,
    [zoneId],
  );
  return rowCount ?? 0;
}

/** Takes out of both tables what is the same record in another spelling. */
async function forgetSpellings(client: Client): Promise<void> {
  const { rows: candidates } = await client.query<{ there: boolean }>(
    'select exists (select from import_gone g join import_new n using (owner, type, ttl) where not g.disabled) as there',
  );
  if (!candidates[0]?.there) return;
  for (let after = '0'; ; ) {
    const { rows } = await client.query<{ id: string; type: string; content: string }>(
      `select g.id, g.type, g.content from import_gone g
       where g.id > $1::bigint and not g.disabled and exists (
         select from import_new n where n.owner = g.owner and n.type = g.type and n.ttl = g.ttl)
       order by g.id limit ${BATCH}`,
      [after],
    );
    if (rows.length === 0) return;
    after = rows.at(-1)?.id ?? after;
    const encoded = rows.flatMap(({ id, type, content }) => {
      const rdata = canonical(type, content);
      return rdata ? [{ id, rdata }] : [];
    });
    await client.query(
      `with same as (
         select g.id, n.ctid as place from unnest($1::bigint[], $2::bytea[]) as e (id, rdata)
         join import_gone g on g.id = e.id
         join import_new n on n.owner = g.owner and n.type = g.type and n.ttl = g.ttl and n.rdata = e.rdata
       ), kept as (delete from import_gone where id in (select id from same))
       delete from import_new where ctid in (select place from same)`,
      [encoded.map((row) => row.id), encoded.map((row) => row.rdata)],
    );
  }
}

function canonical(type: string, content: string): Buffer | undefined {
  try {
    if (type === 'ALIAS') return canonicalName(absoluteName(content));
    const number = typeFromText(type) ?? 0;
    return canonicalRdata(number, parseRdata(number, content));
  } catch {
    return undefined; // set aside: it equals nothing
  }
}
