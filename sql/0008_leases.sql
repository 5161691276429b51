-- Leases: a serial is told to secondaries only when every transfer process at work has seen it, so that processes may answer from memory
-- and yet never with a serial older than one that was notified.

-- What transfer processes have to know, a row for each zone and transaction. Read by "which transactions does my last snapshot not see",
-- which misses none, in whatever order they commit. Rows that all have read are taken away.
create table served_changes (
  xid xid8 not null default pg_current_xact_id(),
  -- a zone that has another version, or is gone; null: who may have which zones
  zone text
);
create index served_changes_by_xid on served_changes (xid);
comment on table served_changes is 'What changed of the zones that are served and of who may have them, by transaction.';

create table transfer_leases (
  -- one for each transfer process
  id text primary key,
  -- everything that this snapshot sees, the process answers with; null: nothing yet
  confirmed pg_snapshot,
  -- afterwards the process asks PostgreSQL before it answers, and nobody waits for it
  lease_until timestamptz not null
) with (fillfactor = 50);
comment on table transfer_leases is 'What each transfer process has confirmed, and until when it may answer from memory.';

-- The transaction that made the row or gave it its serial: who has not confirmed it holds the NOTIFY back.
alter table notifications add column xid xid8 not null default pg_current_xact_id();

create function zoneferry_stamp_notification() returns trigger language plpgsql as $$
begin
  new.xid := pg_current_xact_id();
  return new;
end
$$;
create trigger stamp_notification before update of serial on notifications for each row execute function zoneferry_stamp_notification();

create function zoneferry_change_published() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into served_changes (zone)
  select n.name from new_rows n join old_rows o on o.id = n.id
  where (n.published_serial, n.published_soa, n.published_soa_ttl) is distinct from (o.published_serial, o.published_soa, o.published_soa_ttl);
  return null;
end
$$;
create trigger change_published after update on zones referencing old table as old_rows new table as new_rows
  for each statement execute function zoneferry_change_published();

create function zoneferry_change_deleted() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into served_changes (zone) select name from old_rows where published_serial is not null;
  return null;
end
$$;
create trigger change_deleted after delete on zones referencing old table as old_rows
  for each statement execute function zoneferry_change_deleted();

create function zoneferry_change_access() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into served_changes (zone) values (null);
  return null;
end
$$;
create trigger change_access after insert or update or delete on secondaries for each statement execute function zoneferry_change_access();
create trigger change_access after insert or update or delete on tsig_keys for each statement execute function zoneferry_change_access();

create trigger guard before insert or update or delete or truncate on served_changes for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on transfer_leases for each statement execute function zoneferry_guard();
