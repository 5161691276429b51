-- Who commits a hint holds PostgreSQL's one lock of NOTIFY until the commit is on disk: edits that each send one wait for one another, a disk
-- write each, however many clients there are. While publishers look by themselves, every few milliseconds, edits send none.

-- Until when somebody looks by itself: milliseconds since the epoch. A sequence, as its value is seen by all at once, and nobody waits for it.
create unlogged sequence zoneferry_looked_until minvalue 0 start 0;
comment on sequence zoneferry_looked_until is 'Until when publishers look for marks by themselves, in milliseconds since the epoch: edits send no hint until then.';

create function zoneferry_hint_marks() returns void language plpgsql security definer set search_path from current as $$
declare
  ahead bigint := (select last_value from zoneferry_looked_until) - (extract(epoch from clock_timestamp()) * 1000)::bigint;
begin
  -- farther ahead is a clock that was set back
  if ahead is null or ahead not between 1 and 2000 then
    perform pg_notify('zoneferry_marks', '');
  end if;
end
$$;

do $$
declare
  editing regproc;
begin
  foreach editing in array array['zoneferry_mark_inserted', 'zoneferry_mark_deleted', 'zoneferry_mark_updated', 'zoneferry_mark_zone']::regproc[] loop
    execute replace(pg_get_functiondef(editing), 'pg_notify(''zoneferry_marks'', '''')', 'zoneferry_hint_marks()');
  end loop;
end
$$;
