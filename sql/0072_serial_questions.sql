-- Before the first new serial of a zone after a start its secondaries are asked for theirs, by who sends to them: after a restore from back-up they may hold
-- the very serial that would be published next, for other contents.
create table serial_questions (
  zone_id bigint primary key,
  asked_at timestamptz not null default now(),
  -- when somebody began to ask
  taken_at timestamptz
);
comment on table serial_questions is 'Zones whose secondaries are asked for their serial before the next one is published; nobody waits for long.';
create trigger guard before insert or update or delete or truncate on serial_questions for each statement execute function zoneferry_guard();
