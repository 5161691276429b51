-- Who was refused lately and why, so that it can be said what is missing. Bounded: the oldest go.
create table refusals (
  address text not null,
  -- the key that the request named; empty: unsigned
  key_name text not null,
  -- the zone asked for; empty where it could not be read
  zone text not null,
  reason text not null,
  asked text not null,
  -- whether a secondary is registered with the address
  registered boolean not null,
  detail text not null,
  count bigint not null default 1,
  first_at timestamptz not null,
  last_at timestamptz not null,
  primary key (address, key_name, zone, reason)
);
create index refusals_by_age on refusals (registered, last_at);
comment on table refusals is 'Requests that were refused, together by address, key, zone and reason.';
create trigger guard before insert or update or delete or truncate on refusals for each statement execute function zoneferry_guard();
