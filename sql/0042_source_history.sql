-- What `records` held before each edit, so that a zone can go back to the source of an earlier version. Only edits write here, and only
-- what they changed: the ids of rows made, and rows as they were before they changed or went. Taken backwards, that gives any version
-- that the journal still reaches.

create table record_history (
  -- the order of the edits of any one row
  id bigint generated always as identity,
  -- no foreign key: a deleted row of records would lock its zone
  zone_id bigint not null,
  -- the version that was the first to show the edit; null: not published yet
  serial bigint,
  made bigint[] not null default '{}',
  gone jsonb not null default '[]'
);
create index record_history_by_version on record_history (zone_id, serial);
comment on table record_history is 'What records held before each edit, kept as long as the journal keeps the version that showed it.';
create trigger guard before insert or update or delete or truncate on record_history for each statement execute function zoneferry_guard();

-- Versions from before this step have no source to go back to.
alter table zone_changes add column source_known boolean not null default false;
alter table zone_changes alter column source_known set default true;

-- A zone made in this very transaction has no version to go back to: an import of a new zone writes nothing here.
create function zoneferry_keep_inserted() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into record_history (zone_id, made)
  select zone_id, array_agg(id) from (
    select zone_id, id, (row_number() over (partition by zone_id) - 1) / 10000 as piece from new_rows
    where zone_id in (
      select id from zones where id in (select zone_id from new_rows)
        and (published_serial is not null or xmin::text::bigint <> (pg_current_xact_id()::text::bigint & 4294967295)))
  ) as pieces
  group by zone_id, piece;
  return null;
end
$$;
create function zoneferry_keep_deleted() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into record_history (zone_id, gone)
  select zone_id, jsonb_agg(before) from (
    select zone_id, to_jsonb(o) - '{owner,problem,created_at}'::text[] as before, (row_number() over (partition by zone_id) - 1) / 1000 as piece
    from old_rows o
    -- those of a zone that goes with them are not kept
    where zone_id in (
      select id from zones where id in (select zone_id from old_rows)
        and (published_serial is not null or xmin::text::bigint <> (pg_current_xact_id()::text::bigint & 4294967295)))
  ) as pieces
  group by zone_id, piece;
  return null;
end
$$;
-- What the service writes into a row, its problem, is no edit. A row that is given another id or zone goes here and is made there.
create function zoneferry_keep_updated() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into record_history (zone_id, gone)
  select zone_id, jsonb_agg(before) from (
    select o.zone_id, to_jsonb(o) - '{owner,problem,created_at}'::text[] as before, (row_number() over (partition by o.zone_id) - 1) / 1000 as piece
    from old_rows o left join new_rows n on n.id = o.id
    where n.id is null or o is distinct from n and to_jsonb(o) - '{owner,problem,created_at}'::text[] <> to_jsonb(n) - '{owner,problem,created_at}'::text[]
  ) as pieces
  group by zone_id, piece;
  insert into record_history (zone_id, made)
  select n.zone_id, array_agg(n.id) from new_rows n left join old_rows o on o.id = n.id
  where o.id is null or o.zone_id <> n.zone_id
  group by n.zone_id;
  return null;
end
$$;
create trigger keep_inserted after insert on records referencing new table as new_rows for each statement execute function zoneferry_keep_inserted();
create trigger keep_deleted after delete on records referencing old table as old_rows for each statement execute function zoneferry_keep_deleted();
create trigger keep_updated after update on records referencing old table as old_rows new table as new_rows for each statement execute function zoneferry_keep_updated();
