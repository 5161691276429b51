-- A server that takes over from another one may not have its last commits: what was published by them is published once more, for other
-- contents, unless somebody notices.

create function zoneferry_timeline() returns text language plpgsql set search_path from current as $$
begin
  -- not before it is promoted has a standby a timeline of its own
  if pg_is_in_recovery() then
    return null;
  end if;
  return left(pg_walfile_name(pg_current_wal_lsn()), 8);
exception when others then
  -- a service in the cloud may keep that to itself
  return pg_postmaster_start_time()::text;
end
$$;
comment on function zoneferry_timeline() is 'Which history of the database this server writes: another one after a fail-over, the same after a restart. Null: it can only be read.';
