-- The ledger of convergence: how far the newest serial of each zone has come with each secondary, until it was seen to serve it.

alter table secondaries add column check_addresses text[];
comment on column secondaries.check_addresses is 'Where it answers queries: IP, IP:PORT, [IP6]:PORT or IP@PORT. null: at its addresses; empty: it is not asked.';
alter table secondaries add column optional boolean not null default false;
comment on column secondaries.optional is 'Nobody waits for it: it shows as "not checked".';
alter table secondaries add column notify_rate integer
  constraint "notify_rate is 1 to 100000 NOTIFYs a second" check (notify_rate between 1 and 100000);
alter table secondaries add column max_transfers integer
  constraint "max_transfers is 1 to 1000000 zones" check (max_transfers between 1 and 1000000);
comment on column secondaries.max_transfers is 'Zones that may be on their way to it at once; NOTIFYs beyond wait. null: any number.';

create function zoneferry_check_verification() returns trigger language plpgsql security definer set search_path from current as $$
declare
  address text;
  part text[];
begin
  foreach address in array new.check_addresses loop
    part := coalesce(
      regexp_match(address, '^\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?$'),
      regexp_match(address, '^([0-9.]+):([0-9]{1,5})$'),
      regexp_match(address, '^([0-9A-Fa-f:.]+)(?:@([0-9]{1,5}))?$'));
    begin
      if part is null or coalesce(part[2]::integer, 53) not between 1 and 65535 or masklen(part[1]::inet) not in (32, 128) then
        raise invalid_text_representation;
      end if;
    exception when invalid_text_representation then
      raise exception 'secondary %: check address "%", expected IP, IP:PORT, [IP6]:PORT or IP@PORT', new.name, address
        using errcode = 'check_violation', column = 'check_addresses';
    end;
  end loop;
  return new;
end
$$;
create trigger check_verification before insert or update of check_addresses on secondaries for each row
  when (new.check_addresses is not null) execute function zoneferry_check_verification();

-- Whether it has to be seen serving a zone. Catalogs are often not to be queried.
create function zoneferry_is_verified(secondary secondaries, zone zones) returns boolean language sql immutable parallel safe as $$
  select secondary.notify and not secondary.optional and secondary.check_addresses is distinct from '{}' and not zone.catalog
$$;

create table convergence (
  -- no foreign keys, as for notifications
  zone_id bigint not null,
  secondary_id bigint not null,
  -- the newest serial that it was told of or took
  serial bigint not null,
  committed_at timestamptz not null,
  -- the first NOTIFY of this serial, and the last answer to one
  notified_at timestamptz,
  acked_at timestamptz,
  rcode integer,
  notify_error text,
  -- what it asked of us for this serial
  asked_at timestamptz,
  served_at timestamptz,
  served_kind text,
  served_bytes bigint,
  served_ms integer,
  -- seen to answer this serial or a newer one at every address, and its changed RRsets compared
  serving_at timestamptz,
  checked_at timestamptz,
  -- the last thing seen: the oldest serial at any of its addresses, or what came in place of it
  seen_at timestamptz,
  shown_serial bigint,
  seen_rcode integer,
  seen_error text,
  -- an RRset that is not as published
  differs text,
  -- the highest serial that it has ever shown
  highest_serial bigint,
  -- looks without finding it there, and when the next is due; null: done until the next serial
  misses integer not null default 0,
  next_check_at timestamptz,
  primary key (zone_id, secondary_id)
) with (fillfactor = 70);
create index convergence_due on convergence (next_check_at) where next_check_at is not null;
comment on table convergence is 'How far the newest serial of a zone has come with a secondary: told, answered, asked, transferred, seen serving, compared.';
create trigger guard before insert or update or delete or truncate on convergence for each statement execute function zoneferry_guard();

create table convergence_history (
  zone_id bigint not null,
  secondary_id bigint not null,
  serial bigint not null,
  committed_at timestamptz not null,
  notified_at timestamptz,
  acked_at timestamptz,
  asked_at timestamptz,
  served_at timestamptz,
  served_kind text,
  served_bytes bigint,
  served_ms integer,
  serving_at timestamptz not null,
  checked_at timestamptz
);
create index convergence_history_by_zone on convergence_history (zone_id, secondary_id);
create index convergence_history_by_age on convergence_history (serving_at);
comment on table convergence_history is 'Serials that were seen at a secondary; the oldest go.';
create trigger guard before insert or update or delete or truncate on convergence_history for each statement execute function zoneferry_guard();

create table visible_times (
  secondary_id bigint not null,
  -- the minute in which it was seen
  minute timestamptz not null,
  -- how many took up to 1 ms, 2 ms, 4 ms, … 2^22 ms, and longer
  counts bigint[] not null,
  count bigint not null,
  sum_ms double precision not null,
  max_ms double precision not null,
  primary key (secondary_id, minute)
);
comment on table visible_times is 'Change to visible of each secondary: from the commit of a change until it was seen to serve it. minute -infinity: all there ever was.';
create trigger guard before insert or update or delete or truncate on visible_times for each statement execute function zoneferry_guard();

/*
 * How a zone stands at a secondary, from what is known of it. In this order: whether anybody asks, what would never mend by itself, what was seen, and how long it takes.
 * told: the serial in the outbox; outbox_*: what came of its NOTIFY.
 */
create function zoneferry_state(verified boolean, published bigint, ledger convergence, outbox_acked boolean, outbox_rcode integer, outbox_error text,
  outbox_attempts integer, at timestamptz) returns text language sql stable parallel safe as $$
  select case
    when not verified then 'not checked'
    when ledger.shown_serial <> published and not zoneferry_newer(published, ledger.shown_serial) then 'ahead'
    when ledger.serial = published and ledger.differs is not null then 'different'
    when ledger.serial = published and ledger.serving_at is not null then 'converged'
    when coalesce(outbox_rcode, 0) <> 0 then 'refusing'
    when ledger.serial = published and coalesce(ledger.seen_rcode, 0) <> 0 and ledger.misses >= 2 then 'refusing'
    when not outbox_acked and outbox_error is not null and outbox_attempts >= 3
      and not (ledger.serial is not distinct from published and ledger.shown_serial is not null) then 'silent'
    when ledger.serial = published and ledger.seen_error is not null and ledger.misses >= 3 then 'silent'
    when ledger.serial = published and ledger.notified_at < at - interval '1 minute' then 'lagging'
    else 'converging'
  end
$$;
