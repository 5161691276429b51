-- Marks: an edit leaves a mark for each name it touched, in its own transaction. Triggers only insert, per statement, so that clients
-- neither wait for one another nor deadlock. pg_notify is a hint for speed; the marks are the guarantee.

create function zoneferry_mark_inserted() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into zone_marks (zone_id, owner)
  select distinct zone_id, case when touched > 1000 then null else owner end
  from (select distinct zone_id, owner, count(*) over (partition by zone_id) as touched from new_rows) as names;
  if found then
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;
create function zoneferry_mark_deleted() returns trigger language plpgsql security definer set search_path from current as $$
begin
  -- a zone deleted with its records has nothing left to publish
  insert into zone_marks (zone_id, owner)
  select distinct zone_id, case when touched > 1000 then null else owner end
  from (select distinct zone_id, owner, count(*) over (partition by zone_id) as touched from old_rows) as names
  where exists (select from zones where id = zone_id);
  if found then
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;
create function zoneferry_mark_updated() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into zone_marks (zone_id, owner)
  select distinct zone_id, case when touched > 1000 then null else owner end
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
create trigger mark_inserted after insert on records referencing new table as new_rows for each statement execute function zoneferry_mark_inserted();
create trigger mark_deleted after delete on records referencing old table as old_rows for each statement execute function zoneferry_mark_deleted();
create trigger mark_updated after update on records referencing old table as old_rows new table as new_rows for each statement execute function zoneferry_mark_updated();

create function zoneferry_mark_zone() returns trigger language plpgsql security definer set search_path from current as $$
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
    insert into zone_marks (zone_id, owner) values (new.id, null);
  else
    insert into zone_marks (zone_id, owner) values (new.id, '');
  end if;
  perform pg_notify('zoneferry_marks', '');
  return null;
end
$$;
create trigger mark_zone_inserted after insert on zones for each row execute function zoneferry_mark_zone();
create trigger mark_zone_deleted after delete on zones for each row execute function zoneferry_mark_zone();
create trigger mark_zone_updated after update on zones for each row
  -- a publication moves serial and published_serial together
  when ((new.primary_ns, new.contact, new.refresh, new.retry, new.expire, new.minimum, new.soa_ttl)
    is distinct from (old.primary_ns, old.contact, old.refresh, old.retry, old.expire, old.minimum, old.soa_ttl)
    or new.serial <> old.serial and new.published_serial is not distinct from old.published_serial)
  execute function zoneferry_mark_zone();

create function zoneferry_hint_registry() returns trigger language plpgsql as $$
begin
  perform pg_notify('zoneferry_registry', '');
  return null;
end
$$;
create trigger hint_registry after insert or update or delete on secondaries for each statement execute function zoneferry_hint_registry();
create trigger hint_registry after insert or update or delete on tsig_keys for each statement execute function zoneferry_hint_registry();
