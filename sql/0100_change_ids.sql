-- One id for a change, from what caused it to the transfer: 32 hex digits, the form of a trace's id (W3C Trace Context). Each transaction of a
-- client has one of its own, which it may choose: set local zoneferry.change = '4bf92f3577b34da6a3ce929d0e0e4736'. The service sets it to the
-- id of the job or request, with the span of it behind a hyphen where there is one. What is set and malformed is passed over.

alter table zone_marks add column change text collate "C";
alter table zone_marks alter column change set default
  case when coalesce(current_setting('zoneferry.change', true), '') ~ '^(?!0{32})[0-9a-f]{32}(-[0-9a-f]{16})?$' then current_setting('zoneferry.change', true)
    else md5(pg_current_xact_id()::text || ' ' || extract(epoch from now())::text) end;
comment on column zone_marks.change is 'the id of the change; behind a hyphen the span that it happened in';

alter table zones add column published_change uuid;
comment on column zones.published_change is 'the id of the change that made the published version; written by the service alone';
alter table zone_changes add column change uuid;
comment on column zone_changes.change is 'the id of the change, as in the log; further ones that went into the version are in reason.joined';

create or replace function zoneferry_check_zone() returns trigger language plpgsql security definer set search_path from current as $$
declare
  named record;
  last_serial bigint;
begin
  if tg_op = 'INSERT' then
    named := zoneferry_name(lower(new.name collate "C"));
    if named.problem is not null or named.normal = '.' then
      raise exception 'zone "%": its name holds %', new.name, coalesce(named.problem, 'no label; the root can''t be served') using errcode = 'check_violation', column = 'name';
    end if;
    new.name := named.normal;
    -- a zone made again starts past the last serial that secondaries may remember
    select serial into last_serial from zone_tombstones where name = new.name;
    new.serial_pinned := new.serial is not null and (last_serial is null or zoneferry_newer(new.serial, last_serial));
    if not new.serial_pinned then
      new.serial := coalesce(case when last_serial is null then 1 when last_serial = 4294967295 then 1 else last_serial + 1 end, 1);
    end if;
    if new.serial = 0 then
      new.serial := 1; -- some tools take 0 for none
    end if;
    if not zoneferry_is_service() then
      new.published_serial := null;
      new.published_soa := null;
      new.published_soa_ttl := null;
      new.published_at := null;
      new.published_change := null;
      new.record_count := 0;
      new.stale := false;
      new.problem := null;
    end if;
  else
    if new.name <> old.name then
      raise exception 'zone %: its name can''t be changed; make a new zone', old.name using errcode = 'check_violation', column = 'name';
    end if;
    if new.id <> old.id then
      raise exception 'zone %: its id can''t be changed', old.name using errcode = 'check_violation', column = 'id';
    end if;
    if not zoneferry_is_service() then
      if (new.published_serial, new.published_soa, new.published_soa_ttl, new.published_at, new.published_change, new.record_count, new.stale, new.problem, new.serial_pinned)
        is distinct from (old.published_serial, old.published_soa, old.published_soa_ttl, old.published_at, old.published_change, old.record_count, old.stale, old.problem, old.serial_pinned) then
        raise exception 'zone %: serial_pinned, published_*, record_count, stale and problem are written by the service alone', old.name using errcode = 'check_violation';
      end if;
    end if;
    -- a publication moves serial and published_serial together; anything else sets the serial by hand
    if new.serial <> old.serial and new.published_serial is not distinct from old.published_serial then
      if not zoneferry_newer(new.serial, old.serial) or new.serial = 0
        -- one set by hand may still wait to be published: secondaries compare with what they hold
        or not coalesce(zoneferry_newer(new.serial, old.published_serial), true) then
        raise exception 'zone %: the serial % is not newer than % (RFC 1982); secondaries would ignore it',
          old.name, new.serial, case when zoneferry_newer(new.serial, old.serial) and new.serial <> 0 then old.published_serial else old.serial end
          using errcode = 'check_violation', column = 'serial', hint = 'a newer one is at most 2147483647 ahead, and not 0';
      end if;
      new.serial_pinned := true;
    end if;
  end if;

  if tg_op = 'INSERT' or new.primary_ns <> old.primary_ns then
    named := zoneferry_name(new.primary_ns);
    if named.problem is not null then
      raise exception 'zone %: primary_ns "%" holds %', new.name, new.primary_ns, named.problem using errcode = 'check_violation', column = 'primary_ns';
    end if;
    new.primary_ns := named.normal;
  end if;
  if tg_op = 'INSERT' or new.contact <> old.contact then
    named := zoneferry_name(zoneferry_contact(new.contact));
    if named.problem is not null then
      raise exception 'zone %: contact "%", expected a mail address or the form of the SOA', new.name, new.contact using errcode = 'check_violation', column = 'contact';
    end if;
    new.contact := named.normal;
  end if;
  return new;
end
$$;
