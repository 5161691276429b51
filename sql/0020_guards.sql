-- Guards before a commit: what would change too much at once is held, whichever worker sees it, and across restarts.

create table guarded_targets (
  guard text not null check (guard in ('empty', 'change')),
  target text collate "C" not null references alias_targets (name) on delete cascade,
  -- how many aliases are concerned
  aliases integer not null,
  -- expected: on the way to lose its addresses; held: kept from changing; done: changed
  state text not null check (state in ('expected', 'held', 'done')),
  -- since when it is in that state
  at timestamptz not null default clock_timestamp(),
  -- the numbers when it was held last: so many of all aliases, and the limit in percent
  concerned integer,
  total integer,
  percent integer,
  primary key (guard, target)
);
create index guarded_targets_by_age on guarded_targets (guard, at);
comment on table guarded_targets is 'Targets whose aliases count in a guard now, a row for each guard.';

create table alias_overrides (
  record_id bigint primary key,
  zone_id bigint not null,
  owner text collate "C" not null,
  -- of an ALIAS that follows another target by now it says nothing
  target text collate "C" not null,
  -- forced: what a forced look found; apex: the last addresses, kept by the guard
  kind text not null check (kind in ('forced', 'apex')),
  answer jsonb not null,
  at timestamptz not null default clock_timestamp()
);
create index alias_overrides_by_target on alias_overrides (target);
comment on table alias_overrides is 'What single aliases publish instead of the answer of their target, until that answers otherwise.';

-- Whether there is anything of it in the two tables above: all looks but a few need not ask them.
alter table alias_targets add column guarded boolean not null default false;
