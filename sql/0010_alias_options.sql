-- What an ALIAS may say beyond its target, and a floor between the serials that answers alone spend in a zone.

create function zoneferry_plain_addresses(addresses inet[]) returns boolean language sql immutable parallel safe as $$
  select not exists (
    select from unnest(addresses) as address
    where address is null or masklen(address) <> case family(address) when 4 then 32 else 128 end)
$$;

alter table records
  -- stable: what is published stays while a rotating target keeps giving it; exact: each answer is published
  add column answers text not null default 'stable' constraint "answers is stable or exact" check (answers in ('stable', 'exact')),
  -- published in the target's place once MAX_STALE has passed
  add column fallback inet[] not null default '{}'
    constraint "fallback holds single addresses, 100 at most" check (cardinality(fallback) <= 100 and zoneferry_plain_addresses(fallback)),
  -- a TXT beside the addresses that names the target
  add column debug_txt boolean not null default false,
  add constraint "only an ALIAS has answers, fallback addresses and a debug TXT"
    check (type = 'ALIAS' or (answers = 'stable' and fallback = '{}' and not debug_txt));

create function zoneferry_mark_options() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into zone_marks (zone_id, owner, cause) values (new.zone_id, new.owner, zoneferry_cause());
  perform pg_notify('zoneferry_marks', '');
  return null;
end
$$;
create trigger mark_options after update on records for each row
  when ((new.answers, new.fallback, new.debug_txt) is distinct from (old.answers, old.fallback, old.debug_txt))
  execute function zoneferry_mark_options();

-- Which followers an answer concerns: those of a rotating target are few among many.
alter table aliases
  add column answers text not null default 'stable',
  add column has_fallback boolean not null default false;
create index aliases_exact on aliases (target) where answers = 'exact';
create index aliases_with_fallback on aliases (target) where has_fallback;

alter table zones add column alias_floor integer not null default 0
  constraint "alias_floor is 0 to 86400 seconds" check (alias_floor between 0 and 86400);
comment on column zones.alias_floor is 'seconds between two serials that answers of ALIAS targets alone spend; edits never wait';
create index zones_with_alias_floor on zones (id) where alias_floor > 0;
