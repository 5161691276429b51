-- Targets inside our own zones: an ALIAS that leads through names of ours is answered from `records`, and published again whenever
-- something is edited that it was answered from.

-- Null: its way ends within our zones, and no resolver is asked.
alter table aliases alter column target drop not null;
alter table aliases
  -- the names on the way from the target that was written to where the addresses are, or to the first name that is not ours; null where
  -- that target is no name of ours
  add column path text[],
  -- since when the name at its end has no addresses, while those of before stay; and when that is to be looked at again
  add column denied_since timestamptz,
  add column recheck_at timestamptz;
comment on column aliases.target is 'What resolvers are asked for: where the way leaves our zones; null where it ends within them.';
create index aliases_to_recheck on aliases (recheck_at) where recheck_at is not null;
create index aliases_within on aliases (zone_id) where target is null;
-- finds what leads below a name, for a zone that is new
create index aliases_by_reversed_target on aliases ((reverse(target)) collate "C");

-- Names with nothing of their own exist where something stands below them (RFC 4592, section 2.2.2).
create index records_by_reversed_owner on records (zone_id, (reverse(owner)) collate "C") where not disabled;

create table alias_names (
  -- the ALIAS
  zone_id bigint not null references zones (id) on delete cascade,
  owner text collate "C" not null,
  -- what was read for it: a name of this zone; with `under` all names below it, too
  in_zone bigint not null,
  name text collate "C" not null,
  under boolean not null,
  primary key (zone_id, owner, in_zone, name, under)
);
create index alias_names_by_name on alias_names (in_zone, name);
create index alias_names_by_reversed_name on alias_names ((reverse(name)) collate "C");
comment on table alias_names is 'Which names of our zones the addresses of an ALIAS were read from: an edit of one publishes the ALIAS again.';

create table target_names (
  target text collate "C" not null,
  in_zone bigint not null,
  name text collate "C" not null,
  under boolean not null,
  primary key (target, in_zone, name, under)
);
create index target_names_by_name on target_names (in_zone, name);
create index target_names_by_reversed_name on target_names ((reverse(name)) collate "C");
comment on table target_names is 'The same for a target elsewhere whose chain comes into our zones: an edit has it looked at again.';

create trigger guard before insert or update or delete or truncate on alias_names for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on target_names for each statement execute function zoneferry_guard();
