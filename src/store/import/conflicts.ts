import type { Client } from '../pool.ts';

/** Two records of a file that can't stand at one name. */
export interface ImportConflict {
  /** Of the later one. */
  line: number;
  message: string;
}

interface Row {
  line: number;
  name: string;
  type: string;
}

/**
 * The first name of the staged rows where records exclude one another: CNAME beside anything, a second ALIAS or DNAME, ALIAS beside A
 * or AAAA.
 */
export async function firstConflict(client: Client): Promise<ImportConflict | undefined> {
  const { rows } = await client.query<Row>(
    `with first as (
       select owner from import_rows where not twin group by owner
       having count(*) > 1 and (
         bool_or(type = 'CNAME')
         or count(*) filter (where type = 'ALIAS') > 1
         or bool_or(type = 'ALIAS') and bool_or(type in ('A', 'AAAA'))
         or count(*) filter (where type = 'DNAME') > 1)
       order by min(line) limit 1
     )
     select line, name, type from import_rows join first using (owner) where not twin order by line`,
  );
  for (const [index, row] of rows.entries()) {
    for (const before of rows.slice(0, index)) {
      const rule = excludes(before.type, row.type);
      if (rule)
        return {
          line: row.line,
          message: `${row.name} ${row.type}: ${rule}, on line ${before.line} stands ${article(before.type)}`,
        };
    }
  }
  return undefined;
}

function excludes(a: string, b: string): string | undefined {
  if (a === 'CNAME' || b === 'CNAME') return 'a CNAME stands alone at its name';
  if (a === 'ALIAS' && b === 'ALIAS') return 'one ALIAS at a name is expected';
  if (a === 'DNAME' && b === 'DNAME') return 'one DNAME at a name is expected (RFC 6672)';
  const addresses = ['A', 'AAAA'];
  if ((a === 'ALIAS' && addresses.includes(b)) || (b === 'ALIAS' && addresses.includes(a)))
    return 'an ALIAS makes the A and AAAA of its name itself';
  return undefined;
}

function article(type: string): string {
  return /^[AEHILMNORSX]/.test(type) ? `an ${type}` : `a ${type}`;
}
