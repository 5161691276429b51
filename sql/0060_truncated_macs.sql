-- Truncated MACs (RFC 8945, 5.2.2.1) for the peers that send them, key by key.

alter table tsig_keys add column min_mac_bits smallint;
comment on column tsig_keys.min_mac_bits is 'Bits of the shortest MAC that is taken from a peer; null: whole ones alone. MACs sent are always whole.';

create function zoneferry_check_key_mac() returns trigger language plpgsql security definer set search_path from current as $$
declare
  whole integer := case new.algorithm
    when 'hmac-sha512' then 512 when 'hmac-sha384' then 384 when 'hmac-sha256' then 256 when 'hmac-sha224' then 224 when 'hmac-sha1' then 160 else 128
  end;
begin
  if new.min_mac_bits % 8 <> 0 or new.min_mac_bits not between greatest(80, whole / 2) and whole then
    raise exception 'key %: a shortest MAC of % bits, expected a multiple of 8 from % to % with %',
      new.name, new.min_mac_bits, greatest(80, whole / 2), whole, new.algorithm using errcode = 'check_violation', column = 'min_mac_bits';
  end if;
  return new;
end
$$;
-- by its name after check_key, which puts the algorithm into lower case
create trigger check_key_mac before insert or update on tsig_keys for each row execute function zoneferry_check_key_mac();
