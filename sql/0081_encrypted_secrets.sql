-- TSIG secrets may stand encrypted: AES-256-GCM by SECRET_KEY, which the database never sees. A secret that a platform writes as base64
-- is encrypted by the service soon after.

create function zoneferry_is_secret(secret text) returns boolean language sql immutable as $$
  select secret <> '' and secret ~ '^(aes256gcm:[0-9a-f]{8}:)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$'
$$;

-- as it was but for the form of a secret
create or replace function zoneferry_check_key() returns trigger language plpgsql security definer set search_path from current as $$
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
  if not zoneferry_is_secret(new.secret) then
    raise exception 'key %: its secret is not base64', new.name using errcode = 'check_violation', column = 'secret';
  end if;
  return new;
end
$$;
