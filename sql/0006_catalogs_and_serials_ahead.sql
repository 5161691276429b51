-- Catalog zones (RFC 9432): a zone that lists, for the secondaries that name it, the zones that they may have. Its row is made when the
-- first secondary names it and goes with the last one; its records are made of `zones` and published like those of any zone.

alter table zones add column catalog boolean not null default false;
comment on column zones.catalog is 'A catalog zone: made of the zones that the secondaries naming it may have; nobody writes into it.';
create index zones_catalogs on zones (id) where catalog;

-- The label that stands for a zone in every catalog: another one for a zone deleted and made again, the same one whatever else changes.
create function zoneferry_member_label(id bigint, name text) returns text language sql immutable parallel safe as $$
  select left(encode(sha256(convert_to(name || '/' || id, 'UTF8')), 'hex'), 32)
$$;
-- finds the zone of a label, and goes through the members in the order of their names in the catalog
create unique index zones_by_member_label on zones ((zoneferry_member_label(id, name)) collate "C");

-- Whether a secondary may transfer a zone: of catalogs only the one that it names.
create function zoneferry_may_have(secondary secondaries, zone zones) returns boolean language sql immutable parallel safe as $$
  select case when zone.catalog then secondary.catalog is not distinct from zone.name
    else secondary.zones is null or zone.name = any (secondary.zones) end
$$;

create function zoneferry_check_catalog() returns trigger language plpgsql security definer set search_path from current as $$
declare
  consumer text;
begin
  if tg_op = 'DELETE' then
    select name into consumer from secondaries where catalog = old.name order by name limit 1;
    if consumer is not null then
      raise exception 'zone %: it is the catalog of secondary %, and goes when no secondary names it any more', old.name, consumer
        using errcode = 'check_violation', column = 'name';
    end if;
    return old;
  end if;
  if pg_trigger_depth() < 2 then
    raise exception 'zone %: the column catalog is written by the service alone', new.name
      using errcode = 'check_violation', column = 'catalog', hint = 'name the catalog at a secondary, and its zone is made';
  end if;
  return new;
end
$$;
create trigger check_catalog_made before insert on zones for each row when (new.catalog) execute function zoneferry_check_catalog();
create trigger check_catalog_kept before update on zones for each row when (new.catalog <> old.catalog) execute function zoneferry_check_catalog();
create trigger check_catalog_deleted before delete on zones for each row when (old.catalog) execute function zoneferry_check_catalog();

-- Once a statement, as an import writes a million rows; the rows are only gone through where there are catalogs.
create function zoneferry_refuse_in_catalog() returns trigger language plpgsql security definer set search_path from current as $$
declare
  refused record;
begin
  select r.name, r.type, z.name as zone into refused from zones z join new_rows r on r.zone_id = z.id where z.catalog limit 1;
  if found then
    raise exception 'record % %: % is a catalog, made of the zones that its secondaries may have; nothing can be written into it', refused.name, refused.type, refused.zone
      using errcode = 'check_violation', column = 'zone_id', hint = 'a zone is listed there once it is published, and a secondary that names the catalog may have it';
  end if;
  return null;
end
$$;
create trigger refuse_in_catalog_inserted after insert on records referencing new table as new_rows for each statement execute function zoneferry_refuse_in_catalog();
create trigger refuse_in_catalog_updated after update on records referencing new table as new_rows for each statement execute function zoneferry_refuse_in_catalog();

create function zoneferry_check_secondary_catalog() returns trigger language plpgsql security definer set search_path from current as $$
declare
  named record;
begin
  named := zoneferry_name(lower(new.catalog collate "C"));
  if named.problem is not null or named.normal = '.' then
    raise exception 'secondary %: catalog "%" holds %', new.name, new.catalog, coalesce(named.problem, 'no label') using errcode = 'check_violation', column = 'catalog';
  end if;
  new.catalog := named.normal;
  if (zoneferry_name(repeat('x', 32) || '.zones.' || new.catalog)).problem is not null then
    raise exception 'secondary %: the catalog''s name "%" is too long: names of 39 octets more stand in it', new.name, new.catalog using errcode = 'check_violation', column = 'catalog';
  end if;
  perform from zones where name = new.catalog and not catalog;
  if found then
    raise exception 'secondary %: % is a zone already; a catalog takes a name of its own', new.name, new.catalog
      using errcode = 'check_violation', column = 'catalog', hint = 'such as catalog.' || new.catalog;
  end if;
  return new;
end
$$;
create trigger check_secondary_catalog before insert or update on secondaries for each row when (new.catalog is not null)
  execute function zoneferry_check_secondary_catalog();

-- Makes the row of a catalog that is named, takes away that of one named no more, and marks what may list other zones now.
create function zoneferry_keep_catalogs() returns trigger language plpgsql security definer set search_path from current as $$
declare
  before text := case when tg_op <> 'INSERT' then old.catalog end;
  after text := case when tg_op <> 'DELETE' then new.catalog end;
  named text;
  catalog_id bigint;
begin
  -- who names a catalog and who takes the last mention away wait for one another
  for named in select distinct n from unnest(array[before, after]) as n where n is not null order by n loop
    perform pg_advisory_xact_lock(hashtextextended('zoneferry catalog ' || named, 0));
  end loop;
  if after is not null then
    -- RFC 9432, section 4.1: the values of SOA and NS don't matter; these are the RFC's own
    insert into zones (name, primary_ns, contact, refresh, retry, expire, minimum, soa_ttl, catalog)
    values (after, 'invalid.', 'invalid.', 3600, 600, 2147483646, 0, 0, true)
    on conflict (name) do update set name = excluded.name where zones.catalog
    returning id into catalog_id;
    if catalog_id is null then
      raise exception 'secondary %: % is a zone already; a catalog takes a name of its own', new.name, after using errcode = 'check_violation', column = 'catalog';
    end if;
    insert into zone_marks (zone_id, owner) values (catalog_id, null);
    perform pg_notify('zoneferry_marks', '');
  end if;
  if before is not null and before is distinct from after then
    delete from zones z where z.name = before and z.catalog and not exists (select from secondaries s where s.catalog = z.name);
    insert into zone_marks (zone_id, owner) select id, null from zones where name = before and catalog;
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;
create trigger keep_catalogs_inserted after insert on secondaries for each row when (new.catalog is not null) execute function zoneferry_keep_catalogs();
create trigger keep_catalogs_updated after update on secondaries for each row
  when ((new.catalog, new.zones) is distinct from (old.catalog, old.zones) and (new.catalog is not null or old.catalog is not null))
  execute function zoneferry_keep_catalogs();
create trigger keep_catalogs_deleted after delete on secondaries for each row when (old.catalog is not null) execute function zoneferry_keep_catalogs();

-- At commit, so that one transaction can change them all.
create function zoneferry_check_catalog_zones() returns trigger language plpgsql security definer set search_path from current as $$
declare
  other text;
begin
  select o.name into other from secondaries s join secondaries o on o.catalog = s.catalog and o.id <> s.id
  where s.id = new.id and not ((s.zones is null) = (o.zones is null) and (s.zones is null or s.zones @> o.zones and s.zones <@ o.zones))
  order by o.name limit 1;
  if other is not null then
    raise exception 'secondary %: the catalog % is that of secondary % too, which may have other zones; one catalog takes the same zones for all', new.name, new.catalog, other
      using errcode = 'check_violation', column = 'catalog', hint = 'give it a catalog of its own, or change all of them in one transaction';
  end if;
  return null;
end
$$;
create constraint trigger check_catalog_zones after insert or update of catalog, zones on secondaries
  deferrable initially deferred for each row when (new.catalog is not null) execute function zoneferry_check_catalog_zones();

-- A zone enters the catalogs with its first version and leaves them with its row: a mark for its label alone.
create function zoneferry_mark_member() returns trigger language plpgsql security definer set search_path from current as $$
declare
  member zones := case when tg_op = 'DELETE' then old else new end;
begin
  insert into zone_marks (zone_id, owner)
  select c.id, zoneferry_member_label(member.id, member.name) || '.zones.' || c.name from zones c
  where c.catalog and exists (select from secondaries s where s.catalog = c.name and zoneferry_may_have(s, member));
  if found then
    perform pg_notify('zoneferry_marks', '');
  end if;
  return null;
end
$$;
create trigger mark_member_published after update on zones for each row
  when (old.published_serial is null and new.published_serial is not null and not new.catalog) execute function zoneferry_mark_member();
create trigger mark_member_deleted after delete on zones for each row
  when (old.published_serial is not null and not old.catalog) execute function zoneferry_mark_member();

-- Secondaries that have shown a serial newer than ours, after a restore from backup or a move from another primary.
create table serials_ahead (
  zone_id bigint not null references zones (id) on delete cascade,
  secondary_id bigint not null references secondaries (id) on delete cascade,
  serial bigint not null,
  seen_at timestamptz not null default now(),
  primary key (zone_id, secondary_id)
);
comment on table serials_ahead is 'The highest serial that a secondary has shown of a zone while it was newer than ours.';
create trigger guard before insert or update or delete or truncate on serials_ahead for each statement execute function zoneferry_guard();
