-- A zone that is made is told of like one that is deleted: what resolvers were asked for may be ours from now on.

create function zoneferry_hint_zones() returns trigger language plpgsql as $$
begin
  perform pg_notify('zoneferry_zones', '');
  return null;
end
$$;
create trigger hint_zones after insert on zones for each statement execute function zoneferry_hint_zones();
