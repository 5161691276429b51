import { UserError } from '../../errors.ts';

export async function refuseOldServer(client: {
  query(text: string): Promise<{ rows: { server_version_num?: string }[] }>;
}): Promise<void> {
  const version = Number((await client.query('show server_version_num')).rows[0]?.server_version_num);
  if (version < 150_000)
    throw new UserError(`PostgreSQL ${Math.floor(version / 10_000)} is too old: Zoneferry takes 15 or later`);
}

/** What can be done on a standby all the same is done without this. */
export async function refuseStandby(client: {
  query(text: string): Promise<{ rows: { standby?: boolean }[] }>;
}): Promise<void> {
  const { rows } = await client.query('select pg_is_in_recovery() as standby');
  if (rows[0]?.standby)
    throw new UserError(
      'this PostgreSQL is a read replica, where nothing can be written: DATABASE_URL takes the primary, and a replica for `serve --roles transfer` alone',
    );
}
