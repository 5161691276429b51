-- Refusals: what could never be served is refused by the database, whoever writes, with a message that names the record.

-- The service's own connections carry the setting zoneferry.service = on.
create function zoneferry_is_service() returns boolean language sql stable as $$
  select coalesce(current_setting('zoneferry.service', true), '') = 'on'
$$;

-- A row of records: names, type, rdata and TTL, brought to their normal form.
create function zoneferry_check_record() returns trigger language plpgsql security definer set search_path from current as $$
declare
  zone_name text;
  named record;
  checked record;
  kind text;
  key text;
begin
  if tg_op = 'UPDATE' and (new.zone_id, new.name, new.type, new.ttl, new.content) is not distinct from (old.zone_id, old.name, old.type, old.ttl, old.content) then
    if not zoneferry_is_service() then
      new.problem := old.problem;
    end if;
    return new;
  end if;
  new.problem := null;
  select name into zone_name from zones where id = new.zone_id;
  if zone_name is null then
    return new; -- the foreign key says it better
  end if;

  named := zoneferry_name(new.name);
  if named.problem is not null then
    raise exception 'record "%" %: its name holds %', new.name, new.type, named.problem using errcode = 'check_violation', column = 'name';
  end if;
  new.name := named.normal;
  key := lower(new.name collate "C");
  if key <> zone_name and (right(key, length(zone_name) + 1) <> '.' || zone_name
    -- a dot behind an odd number of backslashes is part of a label
    or left(key, -length(zone_name) - 1) ~ '(^|[^\\])(\\\\)*\\$') then
    raise exception 'record "%" %: the name is outside its zone %', new.name, new.type, zone_name
      using errcode = 'check_violation', column = 'name', hint = 'names here are absolute: write www.' || zone_name || ', not www';
  end if;

  kind := case when new.type in ('A', 'AAAA', 'ALIAS', 'CNAME', 'MX', 'NS', 'TXT', 'SRV', 'CAA', 'PTR') then new.type else zoneferry_type(new.type) end;
  if kind is null then
    raise exception 'record % "%": an unknown type; expected a mnemonic such as A, MX or ALIAS, or TYPEnnn', new.name, new.type using errcode = 'check_violation', column = 'type';
  end if;
  new.type := kind;
  if kind = 'SOA' then
    raise exception 'record % SOA: the SOA is made of the columns of zones; set primary_ns, contact, refresh, … there', new.name using errcode = 'check_violation', column = 'type';
  end if;
  if kind in ('A', 'AAAA', 'ALIAS') then
    null; -- the usual case is judged without the questions below
  elsif kind in ('OPT', 'TKEY', 'TSIG', 'IXFR', 'AXFR', 'MAILA', 'MAILB', 'ANY', 'TYPE0') or kind ~ '^TYPE(1(2[89]|[3-9][0-9])|2[0-4][0-9])$' then
    raise exception 'record % %: a meta type, which no zone holds', new.name, kind using errcode = 'check_violation', column = 'type';
  end if;
  if kind in ('RRSIG', 'NSEC', 'NSEC3', 'NSEC3PARAM', 'CDS', 'CDNSKEY', 'ZONEMD') or kind = 'DNSKEY' and key = zone_name then
    raise exception 'record % %: replacing ALIAS would break its signatures; sign behind the transfer instead', new.name, kind using errcode = 'check_violation', column = 'type';
  end if;
  if new.ttl not between 0 and 2147483647 then
    raise exception 'record % %: the TTL % is out of range, expected 0 to 2147483647 seconds', new.name, kind, new.ttl using errcode = 'check_violation', column = 'ttl';
  end if;

  checked := zoneferry_rdata(kind, new.content);
  if checked.problem is not null then
    raise exception 'record % % "%": %', new.name, kind, left(new.content, 80), case when checked.problem like 'expected%' then checked.problem else 'it holds ' || checked.problem end
      using errcode = 'check_violation', column = 'content';
  end if;
  new.content := checked.normal;
  return new;
end
$$;
-- An importer that has run the full encoder over its rows says so for its transaction and is spared the second look.
create trigger check_record before insert or update on records for each row
  when (coalesce(current_setting('zoneferry.prechecked', true), '') <> 'on')
  execute function zoneferry_check_record();

-- What may stand at one name: CNAME alone; one ALIAS, without A, AAAA and CNAME; one DNAME. A span overlaps another exactly where two
-- rows exclude one another, so that an exclusion constraint judges it at commit, between concurrent transactions and at every
-- isolation level. Names enter it as a 64-bit hash, which needs no extension.
create function zoneferry_span(type text, id bigint) returns int8range language sql immutable parallel safe as $$
  select case type
    when 'CNAME' then int8range(null, null)
    when 'ALIAS' then int8range(null, 0)
    when 'A' then int8range(-id, -id, '[]')
    when 'AAAA' then int8range(-id, -id, '[]')
    when 'DNAME' then int8range(0, 0, '[]')
    else int8range(id, id, '[]')
  end
$$;
create function zoneferry_owner_range(zone_id bigint, owner text) returns int8range language sql immutable parallel safe as $$
  select int8range(hashtextextended(owner, zone_id) >> 1, (hashtextextended(owner, zone_id) >> 1) + 1)
$$;
alter table records add constraint "records that exclude one another at one name"
  exclude using gist (zoneferry_owner_range(zone_id, owner) with &&, zoneferry_span(type, id) with &&)
  where (not disabled) deferrable initially deferred;

-- The same judgement in words. Its name sorts before the constraint's own trigger, so that it speaks first.
create function zoneferry_check_conflicts() returns trigger language plpgsql security definer set search_path from current as $$
declare
  present text[];
  others text;
begin
  select array_agg(type order by type) into present from records
  where zone_id = new.zone_id and owner = lower(new.name collate "C") and not disabled;
  if array_length(present, 1) > 1 then
    if 'CNAME' = any (present) then
      select string_agg(distinct t, ', ') into others from unnest(present) as t where t <> 'CNAME';
      raise exception 'record % %: a CNAME stands alone at its name, here stands %', new.name, new.type, coalesce('also ' || others, 'another CNAME')
        using errcode = 'exclusion_violation', hint = 'an ALIAS may stand beside MX, TXT and others';
    end if;
    if 'ALIAS' = any (present) then
      select string_agg(distinct t, ', ') into others from unnest(present) as t where t in ('A', 'AAAA');
      if others is not null then
        raise exception 'record % %: an ALIAS makes the A and AAAA of its name itself, here stands also %', new.name, new.type, others using errcode = 'exclusion_violation';
      end if;
      if cardinality(array_positions(present, 'ALIAS')) > 1 then
        raise exception 'record % ALIAS: a second ALIAS at one name', new.name using errcode = 'exclusion_violation';
      end if;
    end if;
    if cardinality(array_positions(present, 'DNAME')) > 1 then
      raise exception 'record % DNAME: a second DNAME at one name (RFC 6672)', new.name using errcode = 'exclusion_violation';
    end if;
  end if;
  return null;
end
$$;
create constraint trigger "A_conflict" after insert or update of zone_id, name, type, disabled on records
  deferrable initially deferred for each row
  when (not new.disabled and coalesce(current_setting('zoneferry.prechecked', true), '') <> 'on')
  execute function zoneferry_check_conflicts();

-- The contact of a SOA: a mail address becomes a name, dots of its local part escaped (RFC 1035, section 8). Null: neither.
create function zoneferry_contact(input text) returns text language sql immutable parallel safe as $$
  select case
    when input !~ '(^|[^\\])@' then input
    when input ~ '^([^@]|\\@)+@[^@]+$' then
      regexp_replace(regexp_replace(input, '@[^@]*$', ''), '\\?\.', '\\.', 'g') || '.' || regexp_replace(input, '^.*@', '')
  end
$$;

create function zoneferry_check_zone() returns trigger language plpgsql security definer set search_path from current as $$
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
      if (new.published_serial, new.published_soa, new.published_soa_ttl, new.published_at, new.record_count, new.stale, new.problem, new.serial_pinned)
        is distinct from (old.published_serial, old.published_soa, old.published_soa_ttl, old.published_at, old.record_count, old.stale, old.problem, old.serial_pinned) then
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
create trigger check_zone before insert or update on zones for each row execute function zoneferry_check_zone();

create function zoneferry_check_key() returns trigger language plpgsql security definer set search_path from current as $$
declare
  named record;
  user_name text;
begin
  if tg_op <> 'INSERT' and (tg_op = 'DELETE' or new.name <> old.name) then
    select name into user_name from secondaries where old.name = any (keys) limit 1;
    if user_name is not null then
      raise exception 'key %: the secondary % still uses it', old.name, user_name using errcode = 'foreign_key_violation', hint = 'take it from that secondary first';
    end if;
    if tg_op = 'DELETE' then
      return old;
    end if;
  end if;
  named := zoneferry_name(lower(new.name collate "C"));
  if named.problem is not null or named.normal = '.' then
    raise exception 'key "%": its name holds %', new.name, coalesce(named.problem, 'no label') using errcode = 'check_violation', column = 'name';
  end if;
  new.name := left(named.normal, -1);
  new.algorithm := lower(new.algorithm);
  if new.algorithm not in ('hmac-sha256', 'hmac-sha224', 'hmac-sha384', 'hmac-sha512', 'hmac-sha1', 'hmac-md5') then
    raise exception 'key %: algorithm "%", expected hmac-sha256, hmac-sha224, hmac-sha384, hmac-sha512, hmac-sha1 or hmac-md5', new.name, new.algorithm using errcode = 'check_violation', column = 'algorithm';
  end if;
  -- the secret itself stays out of the message
  if new.secret !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' or new.secret = '' then
    raise exception 'key %: its secret is not base64', new.name using errcode = 'check_violation', column = 'secret';
  end if;
  return new;
end
$$;
create trigger check_key before insert or update or delete on tsig_keys for each row execute function zoneferry_check_key();

create function zoneferry_check_secondary() returns trigger language plpgsql security definer set search_path from current as $$
declare
  address text;
  part text[];
  named record;
  position integer;
begin
  if new.name !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' then
    raise exception 'secondary "%": its name takes letters, digits, dot, dash and underscore, 63 at most', new.name using errcode = 'check_violation', column = 'name';
  end if;
  if cardinality(new.addresses) = 0 then
    raise exception 'secondary %: it needs an address', new.name using errcode = 'check_violation', column = 'addresses';
  end if;
  foreach address in array new.addresses loop
    part := coalesce(
      regexp_match(address, '^\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?$'),
      regexp_match(address, '^([0-9A-Fa-f:.]+)(?:@([0-9]{1,5}))?$'),
      regexp_match(address, '^([0-9.]+):([0-9]{1,5})$'));
    if address ~ '^[0-9.]+:[0-9]{1,5}$' then
      part := regexp_match(address, '^([0-9.]+):([0-9]{1,5})$');
    end if;
    begin
      if part is null or coalesce(part[2]::integer, 53) not between 1 and 65535 or masklen(part[1]::inet) not in (32, 128) then
        raise invalid_text_representation;
      end if;
    exception when invalid_text_representation then
      raise exception 'secondary %: address "%", expected IP, IP:PORT, [IP6]:PORT or IP@PORT', new.name, address using errcode = 'check_violation', column = 'addresses';
    end;
  end loop;
  for position in 1 .. cardinality(new.keys) loop
    new.keys[position] := lower(rtrim(new.keys[position], '.'));
    perform from tsig_keys where name = new.keys[position] for key share;
    if not found then
      raise exception 'secondary %: no key named "%"', new.name, new.keys[position] using errcode = 'foreign_key_violation', column = 'keys';
    end if;
  end loop;
  if new.zones is not null then
    for position in 1 .. cardinality(new.zones) loop
      named := zoneferry_name(lower(new.zones[position] collate "C"));
      if named.problem is not null then
        raise exception 'secondary %: zone "%" holds %', new.name, new.zones[position], named.problem using errcode = 'check_violation', column = 'zones';
      end if;
      new.zones[position] := named.normal;
    end loop;
  end if;
  return new;
end
$$;
create trigger check_secondary before insert or update on secondaries for each row execute function zoneferry_check_secondary();

-- The service's own tables are read only to anyone else. Cascades of a deleted zone or record pass: they run inside a trigger.
create function zoneferry_guard() returns trigger language plpgsql as $$
begin
  if coalesce(current_setting('zoneferry.service', true), '') = 'on' or pg_trigger_depth() > 1 then
    return null;
  end if;
  raise exception 'table % is written by the service alone', tg_table_name
    using errcode = 'insufficient_privilege', hint = 'write zones, records, secondaries and tsig_keys; the rest follows by itself';
end
$$;
create trigger guard before insert or update or delete or truncate on transfer_records for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on zone_changes for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on alias_targets for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on aliases for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on notifications for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on zone_marks for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on zone_tombstones for each statement execute function zoneferry_guard();

create function zoneferry_refuse_truncate() returns trigger language plpgsql as $$
begin
  raise exception 'truncate of % is refused: it would pass by what publishes the change', tg_table_name
    using errcode = 'feature_not_supported', hint = 'delete from ' || tg_table_name || ' where …';
end
$$;
create trigger refuse_truncate before truncate on records for each statement execute function zoneferry_refuse_truncate();
create trigger refuse_truncate before truncate on zones for each statement execute function zoneferry_refuse_truncate();
create trigger refuse_truncate before truncate on secondaries for each statement execute function zoneferry_refuse_truncate();
create trigger refuse_truncate before truncate on tsig_keys for each statement execute function zoneferry_refuse_truncate();
