-- Guards, MAX_STALE and ON_STALE for an ALIAS whose way ends within our zones, in the manner of targets elsewhere.

alter table aliases
  -- since when its way within our zones leads nowhere: a loop, a zone that can't be published
  add column failing_since timestamptz,
  -- whether it may lose its addresses: empty and apex hold them, by that guard; released and forced let them go; null: not judged yet
  add column guard text check (guard in ('empty', 'apex', 'released', 'forced')),
  add column guarded_at timestamptz,
  -- the numbers of the guard `empty`: so many of all aliases, and the limit in percent
  add column guard_numbers integer[],
  -- when it lost them, while it has none
  add column withdrawn_at timestamptz;
comment on column aliases.guard is 'Of an ALIAS that our own records answer, with none: what guards say.';
create index aliases_losing on aliases (withdrawn_at, denied_since) where denied_since is not null or failing_since is not null or withdrawn_at is not null;
create index aliases_guarded on aliases (guard) where guard is not null;
