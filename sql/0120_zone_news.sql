-- A publication tells of its versions by rows that it only inserts. It reads at one snapshot, and could not write a row of `notifications` that
-- NOTIFY has written since: under a steady stream of changes it would lose, and begin again, for ever.

create table zone_news (
  zone_id bigint not null,
  serial bigint not null,
  -- the publication
  xid xid8 not null default pg_current_xact_id(),
  committed_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
comment on table zone_news is 'Versions that are on their way into notifications: by whoever published them, right after, or by whoever sends NOTIFY.';
create trigger guard before insert or update or delete or truncate on zone_news for each statement execute function zoneferry_guard();
