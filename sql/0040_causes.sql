-- Why: a mark of an edit says who made it, as the journal keeps with each version. A client is known by its session; the command line and
-- the API, which share the service's sessions, say on whose behalf they write by the settings zoneferry.actor (kind:name) and
-- zoneferry.action.

create function zoneferry_cause() returns jsonb language sql stable set search_path from current as $$
  select jsonb_strip_nulls(
    case when zoneferry_is_service() then
      jsonb_build_object('by', coalesce(nullif(split_part(actor, ':', 1), ''), 'service'), 'actor', nullif(left(substr(actor, strpos(actor, ':') + 1), 100), ''),
        'action', nullif(left(coalesce(current_setting('zoneferry.action', true), ''), 100), ''))
    else
      jsonb_build_object('by', 'sql', 'actor', left(session_user, 100), 'application', nullif(left(current_setting('application_name'), 100), ''),
        'address', host(inet_client_addr()))
    end)
  from (select coalesce(current_setting('zoneferry.actor', true), '') as actor) as told
$$;

create or replace function zoneferry_mark_inserted() returns trigger language plpgsql security definer set search_path from current as $$
declare
  why jsonb := zoneferry_cause();
begin
  insert into zone_marks (zone_id, owner, cause)
  select distinct zone_id, case when touched > 1000 then null else owner end, why
  from (select distinct zone_id, owner, count(*) over (partition by zone_id) as touched from new_rows) as names;
  if found then
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;
create or replace function zoneferry_mark_deleted() returns trigger language plpgsql security definer set search_path from current as $$
declare
  why jsonb := zoneferry_cause();
begin
  -- a zone deleted with its records has nothing left to publish
  insert into zone_marks (zone_id, owner, cause)
  select distinct zone_id, case when touched > 1000 then null else owner end, why
  from (select distinct zone_id, owner, count(*) over (partition by zone_id) as touched from old_rows) as names
  where exists (select from zones where id = zone_id);
  if found then
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;
create or replace function zoneferry_mark_updated() returns trigger language plpgsql security definer set search_path from current as $$
declare
  why jsonb := zoneferry_cause();
begin
  insert into zone_marks (zone_id, owner, cause)
  select distinct zone_id, case when touched > 1000 then null else owner end, why
  from (
    select distinct zone_id, owner, count(*) over (partition by zone_id) as touched
    from (
      select id, zone_id, owner, name, type, ttl, content, disabled from new_rows
      except select id, zone_id, owner, name, type, ttl, content, disabled from old_rows
      union all
      (select id, zone_id, owner, name, type, ttl, content, disabled from old_rows
      except select id, zone_id, owner, name, type, ttl, content, disabled from new_rows)
    ) as changed
  ) as names;
  if found then
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;

create or replace function zoneferry_mark_zone() returns trigger language plpgsql security definer set search_path from current as $$
declare
  why jsonb := zoneferry_cause();
begin
  if tg_op = 'DELETE' then
    if old.published_serial is not null then
      insert into zone_tombstones (name, serial) values (old.name, old.published_serial)
      on conflict (name) do update set serial = excluded.serial, deleted_at = now();
    end if;
    delete from zone_marks where zone_id = old.id;
    -- the service takes what it keeps elsewhere of the zone, by this mark
    insert into zone_marks (zone_id, owner) values (old.id, null);
    perform pg_notify('zoneferry_zones', '');
    perform pg_notify('zoneferry_marks', '');
    return null;
  end if;
  if tg_op = 'INSERT' then
    insert into zone_marks (zone_id, owner, cause) values (new.id, null, why);
  else
    insert into zone_marks (zone_id, owner, cause) values (new.id, '',
      case when new.serial <> old.serial then '{"action": "serial"}'::jsonb || why else why end);
  end if;
  perform pg_notify('zoneferry_marks', '');
  return null;
end
$$;

-- A catalog's version names the zone that came or went.
create or replace function zoneferry_mark_member() returns trigger language plpgsql security definer set search_path from current as $$
declare
  member zones := case when tg_op = 'DELETE' then old else new end;
begin
  insert into zone_marks (zone_id, owner, cause)
  select c.id, zoneferry_member_label(member.id, member.name) || '.zones.' || c.name,
    jsonb_build_object('by', 'catalog', 'actor', member.name, 'action', case when tg_op = 'DELETE' then 'zone deleted' else 'zone published' end)
  from zones c
  where c.catalog and exists (select from secondaries s where s.catalog = c.name and zoneferry_may_have(s, member));
  if found then
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;
