-- What may stand in a name and in rdata, judged by the database whoever writes. Each function gives the normal form, or what is
-- wrong in words. The encoder of the service is stricter in places; what passes here and not there is set aside with its reason.

create function zoneferry_newer(a bigint, b bigint) returns boolean language sql immutable parallel safe as $$
  -- RFC 1982, section 3.2: a is newer than b
  select ((a - b) & 4294967295) between 1 and 2147483647
$$;

create function zoneferry_name(input text, out normal text, out problem text) language plpgsql immutable parallel safe as $$
-- A domain name in presentation format (RFC 1035, section 5.1), made absolute, escapes normalised, case kept.
declare
  code integer;
  position integer := 1;
  label integer := 0;
  total integer := 0;
  letter text;
begin
  if coalesce(input, '') = '' then
    problem := 'nothing; expected a domain name';
    return;
  end if;
  if right(input, 1) <> '.' then
    -- a backslash at the end must not make a label of the dot that is added
    input := input || case when input ~ '(^|[^\\])(\\\\)*\\$' then '' else '.' end;
  end if;
  if input ~ '^([A-Za-z0-9_*-]{1,63}\.)+$' and octet_length(input) <= 254 then
    normal := input;
    return;
  end if;
  normal := '';
  if input = '.' then
    normal := '.';
    return;
  end if;
  -- "a\." ends in an escaped dot: the final one is still missing
  if input ~ '(^|[^\\])(\\\\)*\\\.$' then
    input := input || '.';
  end if;
  while position <= length(input) loop
    letter := substr(input, position, 1);
    if letter = '.' then
      if label = 0 then
        problem := 'an empty label';
        return;
      end if;
      total := total + label + 1;
      label := 0;
      normal := normal || '.';
      position := position + 1;
      continue;
    end if;
    if letter = '\' then
      if substr(input, position + 1, 3) ~ '^[0-9]{3}$' then
        code := substr(input, position + 1, 3)::integer;
        position := position + 4;
        if code > 255 then
          problem := format('the escape \%s, the highest is \255', code);
          return;
        end if;
      else
        code := ascii(substr(input, position + 1, 1));
        position := position + 2;
        if code not between 32 and 126 or code between 48 and 57 then
          problem := 'a backslash without a printable ASCII character or three digits behind it';
          return;
        end if;
      end if;
    else
      code := ascii(letter);
      position := position + 1;
      if code < 33 then
        problem := format('white space or a control character; write it as \%s', lpad(code::text, 3, '0'));
        return;
      end if;
      if letter in ('"', ';', '(', ')') then
        problem := format('a bare %s; write \%s where it belongs to the name', letter, letter);
        return;
      end if;
    end if;
    if code > 126 and letter <> '\' then
      problem := format('the character "%s"; a name takes ASCII, others as punycode (xn--…) or \DDD', letter);
      return;
    end if;
    label := label + 1;
    if label > 63 then
      problem := 'a label of more than 63 octets';
      return;
    end if;
    normal := normal || case
      when code < 33 or code > 126 then '\' || lpad(code::text, 3, '0')
      when chr(code) in ('.', '\', '"', ';', '(', ')', '@', '$') then '\' || chr(code)
      else chr(code)
    end;
  end loop;
  if total + 1 > 255 then
    problem := 'more than 255 octets in all';
  end if;
end
$$;

create function zoneferry_type(input text) returns text language plpgsql immutable parallel safe as $$
-- The mnemonic of a record type in upper case, TYPEnnn for one without; null for an unknown word.
declare
  known constant jsonb := '{"A":1,"NS":2,"MD":3,"MF":4,"CNAME":5,"SOA":6,"MB":7,"MG":8,"MR":9,"NULL":10,"WKS":11,"PTR":12,"HINFO":13,"MINFO":14,"MX":15,"TXT":16,"RP":17,"AFSDB":18,"X25":19,"ISDN":20,"RT":21,"NSAP":22,"NSAP-PTR":23,"SIG":24,"KEY":25,"PX":26,"GPOS":27,"AAAA":28,"LOC":29,"NXT":30,"EID":31,"NIMLOC":32,"SRV":33,"ATMA":34,"NAPTR":35,"KX":36,"CERT":37,"A6":38,"DNAME":39,"SINK":40,"OPT":41,"APL":42,"DS":43,"SSHFP":44,"IPSECKEY":45,"RRSIG":46,"NSEC":47,"DNSKEY":48,"DHCID":49,"NSEC3":50,"NSEC3PARAM":51,"TLSA":52,"SMIMEA":53,"HIP":55,"NINFO":56,"RKEY":57,"TALINK":58,"CDS":59,"CDNSKEY":60,"OPENPGPKEY":61,"CSYNC":62,"ZONEMD":63,"SVCB":64,"HTTPS":65,"SPF":99,"NID":104,"L32":105,"L64":106,"LP":107,"EUI48":108,"EUI64":109,"TKEY":249,"TSIG":250,"IXFR":251,"AXFR":252,"MAILB":253,"MAILA":254,"ANY":255,"URI":256,"CAA":257,"AVC":258,"DOA":259,"AMTRELAY":260,"TA":32768,"DLV":32769}';
  word constant text := upper(input collate "C");
  number integer;
  mnemonic text;
begin
  if word = 'ALIAS' or word = 'ANAME' then
    return 'ALIAS';
  end if;
  if known ? word then
    return word;
  end if;
  if word !~ '^TYPE[0-9]{1,5}$' then
    return null;
  end if;
  number := substr(word, 5)::integer;
  if number > 65535 then
    return null;
  end if;
  select key into mnemonic from jsonb_each_text(known) where value = number::text;
  return coalesce(mnemonic, 'TYPE' || number);
end
$$;

create function zoneferry_escape_problem(content text) returns text language sql immutable parallel safe as $$
  select case
    when position('\' in content) = 0 then null
    when content ~ '(^|[^\\])(\\\\)*\\$' then 'a backslash without a character behind it'
    when content ~ '(^|[^\\])(\\\\)*\\([0-9]{1,2}([^0-9]|$)|25[6-9]|2[6-9][0-9]|[3-9][0-9]{2})' then 'an escape that is not \000 to \255'
  end
$$;

create function zoneferry_longest_rdata() returns integer language sql immutable parallel safe as $$
  -- 65535 octets of a message over TCP, less header, question, owner and fixed part of the record, OPT and TSIG
  select 64000
$$;

create function zoneferry_strings_problem(content text) returns text language plpgsql immutable parallel safe as $$
-- One or more character-strings (RFC 1035, section 5.1), each of at most 255 octets.
declare
  piece text;
  size integer;
  total integer := 0;
begin
  if content !~ '^(\s|"([^"\\]|\\[0-9]{3}|\\[^0-9])*"|[^\s"\\;()]|\\[0-9]{3}|\\[^0-9])+$' or content !~ '\S' then
    return 'expected character-strings, "in quotes" where they hold spaces';
  end if;
  if octet_length(content) > 255 then
    for piece in select coalesce(m[1], m[3]) from regexp_matches(content, '"(([^"\\]|\\[0-9]{3}|\\[^0-9])*)"|(([^\s"\\]|\\[0-9]{3}|\\[^0-9])+)', 'g') as m loop
      size := octet_length(regexp_replace(piece, '\\([0-9]{3}|.)', 'x', 'g'));
      if size > 255 then
        return 'a character-string of more than 255 octets; split it into several';
      end if;
      total := total + size + 1;
    end loop;
    if total > zoneferry_longest_rdata() then
      return format('%s octets in all; a message of a transfer takes %s', total, zoneferry_longest_rdata());
    end if;
  end if;
  return null;
end
$$;

create function zoneferry_hex_problem(digits text, octets integer) returns text language sql immutable parallel safe as $$
  select case
    when regexp_replace(digits, '\s', '', 'g') !~ '^([0-9A-Fa-f]{2})+$' then 'expected pairs of hexadecimal digits'
    when octets is not null and length(regexp_replace(digits, '\s', '', 'g')) <> octets * 2 then format('expected %s octets in hexadecimal', octets)
  end
$$;

create function zoneferry_ipv6(input text) returns boolean language plpgsql immutable parallel safe as $$
begin
  if input !~ '^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*$' and input !~ '^[0-9A-Fa-f:]*:(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$' then
    return false;
  end if;
  return family(input::inet) = 6;
exception when invalid_text_representation then
  return false;
end
$$;

create function zoneferry_ipv4(input text) returns boolean language sql immutable parallel safe as $$
  select input ~ '^(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}$'
$$;

create function zoneferry_service_key(name text) returns integer language sql immutable parallel safe as $$
  -- the number of a service parameter (RFC 9460, section 14.3.2; RFC 9461; RFC 9540); null for an unknown one
  select case
    when lower(name collate "C") ~ '^key(0|[1-9][0-9]{0,4})$' then nullif(least(substr(name, 4)::integer, 65535), 65535)
    else array_position('{mandatory,alpn,no-default-alpn,port,ipv4hint,ech,ipv6hint,dohpath,ohttp}'::text[], lower(name collate "C")) - 1
  end
$$;

create function zoneferry_service_problem(content text) returns text language plpgsql immutable parallel safe as $$
-- SVCB and HTTPS (RFC 9460, section 2): priority, target, parameters.
declare
  words text[];
  seen integer[] := '{}';
  needed integer[] := '{}';
  number integer;
  key text;
  value text;
  word text;
begin
  if content !~ '^([^\s"]|"([^"\\]|\\[0-9]{3}|\\[^0-9])*"|\s)*$' then
    return 'a quote that is not closed';
  end if;
  select array_agg(m[1]) into words from regexp_matches(content, '((?:[^\s"\\]|\\.|"(?:[^"\\]|\\.)*")+)', 'g') as m;
  if array_length(words, 1) < 2 or words[1] !~ '^[0-9]{1,5}$' or words[1]::integer > 65535 then
    return 'expected PRIORITY TARGET [KEY=VALUE …]';
  end if;
  if (zoneferry_name(words[2])).problem is not null then
    return 'its target holds ' || (zoneferry_name(words[2])).problem;
  end if;
  foreach word in array words[3:] loop
    key := lower(split_part(word, '=', 1) collate "C");
    value := substr(word, length(key) + 2);
    number := zoneferry_service_key(key);
    if number is null then
      return format('the unknown parameter "%s"', key);
    end if;
    if number = any (seen) then
      return format('the parameter "%s" twice', key);
    end if;
    seen := seen || number;
    if value ~ '^".*"$' then
      value := substr(value, 2, length(value) - 2);
    elsif value ~ '["();]' then
      return format('a bare quote, bracket or semicolon in the parameter "%s"', key);
    end if;
    if key ~ '^key' or value ~ '\\' and number in (1, 7) then
      continue; -- octets, and escapes: left to the encoder
    end if;
    case number
      when 0 then
        select array_agg(zoneferry_service_key(name)) into needed from string_to_array(value, ',') as names, unnest(names) as name;
        if needed is null or array_position(needed, null) is not null or 0 = any (needed) or cardinality(needed) <> (select count(distinct n) from unnest(needed) as n) then
          return 'expected mandatory=KEY,… with other parameters, each once';
        end if;
      when 1 then
        if value = '' or exists (select from unnest(string_to_array(value, ',')) as protocol where octet_length(protocol) not between 1 and 255) then
          return 'expected alpn=PROTOCOL,…, such as alpn=h2,h3';
        end if;
      when 2, 8 then
        if value <> '' then
          return format('the parameter "%s" with a value; it takes none', key);
        end if;
      when 3 then
        if value !~ '^[0-9]{1,5}$' or value::integer > 65535 then
          return 'expected port=0 to 65535';
        end if;
      when 4 then
        if value = '' or exists (select from unnest(string_to_array(value, ',')) as address where not zoneferry_ipv4(address)) then
          return 'expected ipv4hint=ADDRESS,…';
        end if;
      when 5 then
        if value !~ '^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$' or value = '' then
          return 'expected ech= and Base64';
        end if;
      when 6 then
        if value = '' or exists (select from unnest(string_to_array(value, ',')) as address where not zoneferry_ipv6(address)) then
          return 'expected ipv6hint=ADDRESS,…';
        end if;
      when 7 then
        if value = '' then
          return 'expected dohpath= and a path template';
        end if;
      else null;
    end case;
  end loop;
  if words[1]::integer = 0 and array_length(words, 1) > 2 then
    return 'parameters beside priority 0 (AliasMode takes none)';
  end if;
  if 2 = any (seen) and 1 <> all (seen) then
    return 'no-default-alpn without alpn, which it needs';
  end if;
  if not needed <@ seen then
    return 'a parameter in mandatory that is not there';
  end if;
  return null;
end
$$;

create function zoneferry_end_of_name(wire bytea, start integer) returns integer language plpgsql immutable parallel safe as $$
-- Where the uncompressed name that begins there ends (RFC 1035, section 3.1); null where none does.
declare
  at integer := start;
  size integer;
begin
  loop
    if at >= length(wire) or at - start > 254 then
      return null;
    end if;
    size := get_byte(wire, at);
    if size > 63 then
      return null;
    end if;
    at := at + size + 1;
    if size = 0 then
      return at;
    end if;
  end loop;
end
$$;

create function zoneferry_generic_fits(type text, wire bytea) returns boolean language plpgsql immutable parallel safe as $$
-- Whether rdata in the generic form (RFC 3597, section 5) is what a common type says.
declare
  size constant integer := length(wire);
  at integer := 0;
  key integer := -1;
begin
  case type
    when 'A' then return size = 4;
    when 'AAAA' then return size = 16;
    when 'NS', 'CNAME', 'DNAME', 'PTR' then return zoneferry_end_of_name(wire, 0) is not distinct from size;
    when 'MX' then return zoneferry_end_of_name(wire, 2) is not distinct from size;
    when 'SRV' then return zoneferry_end_of_name(wire, 6) is not distinct from size;
    when 'TXT', 'SPF' then
      while at < size loop
        at := at + get_byte(wire, at) + 1;
      end loop;
      return size > 0 and at = size;
    when 'CAA' then return size > 2 and get_byte(wire, 1) between 1 and size - 2;
    when 'SSHFP' then return size > 2 and size = coalesce(case get_byte(wire, 1) when 1 then 20 when 2 then 32 end + 2, size);
    when 'TLSA' then return size > 3 and size = coalesce(case get_byte(wire, 2) when 1 then 32 when 2 then 64 end + 3, size);
    when 'DS' then return size > 4 and size = coalesce(case get_byte(wire, 3) when 1 then 20 when 2 then 32 when 3 then 32 when 4 then 48 end + 4, size);
    when 'SVCB', 'HTTPS' then
      at := zoneferry_end_of_name(wire, 2);
      if at is null then
        return false;
      end if;
      -- parameters in ascending order: key, length, value
      while at + 4 <= size loop
        if get_byte(wire, at) * 256 + get_byte(wire, at + 1) <= key then
          return false;
        end if;
        key := get_byte(wire, at) * 256 + get_byte(wire, at + 1);
        at := at + 4 + get_byte(wire, at + 2) * 256 + get_byte(wire, at + 3);
      end loop;
      return at = size;
    else return true;
  end case;
end
$$;

create function zoneferry_rdata(type text, content text, out normal text, out problem text) language plpgsql immutable parallel safe as $$
declare
  part text[];
  named record;
begin
  content := ltrim(content, E' \t');
  if content !~ '\\[ \t]+$' then
    content := rtrim(content, E' \t');
  end if;
  normal := content;
  if content ~ '[\n\r]' or content = '' then
    problem := 'expected one line of text';
    return;
  end if;
  if content ~ '^\\#(\s|$)' then
    part := regexp_match(content, '^\\#\s+([0-9]{1,5})((\s+[0-9A-Fa-f]+)*)$');
    if type = 'ALIAS' or part is null or length(regexp_replace(part[2], '\s', '', 'g')) <> part[1]::integer * 2 then
      problem := 'expected \# LENGTH HEX with LENGTH octets in hexadecimal (RFC 3597)';
    elsif part[1]::integer > zoneferry_longest_rdata() then
      problem := format('%s octets; a message of a transfer takes %s', part[1], zoneferry_longest_rdata());
    elsif not zoneferry_generic_fits(type, decode(regexp_replace(part[2], '\s', '', 'g'), 'hex')) then
      problem := format('octets that are no rdata of %s', type);
    end if;
    return;
  end if;
  if type in ('TXT', 'SPF', 'CAA', 'SVCB', 'HTTPS') then
    problem := zoneferry_escape_problem(content);
    if problem is not null then
      return;
    end if;
  end if;
  case
    when type = 'A' then
      if not zoneferry_ipv4(content) then
        problem := 'expected an IPv4 address such as 192.0.2.1';
      end if;
    when type = 'AAAA' then
      if not zoneferry_ipv6(content) then
        problem := 'expected an IPv6 address such as 2001:db8::1';
      end if;
    when type in ('NS', 'CNAME', 'DNAME', 'PTR', 'ALIAS') then
      named := zoneferry_name(content);
      normal := named.normal;
      problem := named.problem;
      if type = 'ALIAS' and normal = '.' then
        problem := 'the root, which has no addresses; expected the name that the ALIAS follows';
      end if;
    when type = 'MX' then
      part := regexp_match(content, '^([0-9]{1,5})\s+(\S+)$');
      if part is null or part[1]::integer > 65535 then
        problem := 'expected PREFERENCE NAME, such as 10 mail.example.com.';
      else
        named := zoneferry_name(part[2]);
        normal := part[1]::integer || ' ' || named.normal;
        problem := named.problem;
      end if;
    when type = 'SRV' then
      part := regexp_match(content, '^([0-9]{1,5})\s+([0-9]{1,5})\s+([0-9]{1,5})\s+(\S+)$');
      if part is null or greatest(part[1]::integer, part[2]::integer, part[3]::integer) > 65535 then
        problem := 'expected PRIORITY WEIGHT PORT NAME, such as 0 5 5060 sip.example.com.';
      else
        named := zoneferry_name(part[4]);
        normal := part[1]::integer || ' ' || part[2]::integer || ' ' || part[3]::integer || ' ' || named.normal;
        problem := named.problem;
      end if;
    when type in ('TXT', 'SPF') then
      problem := zoneferry_strings_problem(content);
    when type = 'CAA' then
      part := regexp_match(content, '^([0-9]{1,3})\s+([A-Za-z0-9]{1,255})\s+("([^"\\]|\\[0-9]{3}|\\[^0-9])*"|([^\s"\\;()]|\\[0-9]{3}|\\[^0-9])+)$');
      if part is null or part[1]::integer > 255 then
        problem := 'expected FLAGS TAG "VALUE", such as 0 issue "ca.example.net"';
      end if;
    when type = 'SSHFP' then
      part := regexp_match(content, '^([0-9]{1,3})\s+([0-9]{1,3})\s+(.+)$');
      if part is null or greatest(part[1]::integer, part[2]::integer) > 255 then
        problem := 'expected ALGORITHM TYPE FINGERPRINT';
      else
        problem := zoneferry_hex_problem(part[3], case part[2]::integer when 1 then 20 when 2 then 32 end);
      end if;
    when type = 'TLSA' then
      part := regexp_match(content, '^([0-9]{1,3})\s+([0-9]{1,3})\s+([0-9]{1,3})\s+(.+)$');
      if part is null or greatest(part[1]::integer, part[2]::integer, part[3]::integer) > 255 then
        problem := 'expected USAGE SELECTOR MATCHING-TYPE DATA';
      else
        problem := zoneferry_hex_problem(part[4], case part[3]::integer when 1 then 32 when 2 then 64 end);
      end if;
    when type = 'DS' then
      part := regexp_match(content, '^([0-9]{1,5})\s+([0-9A-Za-z-]{1,20})\s+([0-9]{1,3})\s+(.+)$');
      -- an algorithm may be a number or a mnemonic (RFC 4034, section 5.3)
      if part is null or part[1]::integer > 65535 or part[3]::integer > 255
        or part[2] !~* '^(25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2}|RSAMD5|DH|DSA|RSASHA1|DSA-NSEC3-SHA1|RSASHA1-NSEC3-SHA1|RSASHA256|RSASHA512|ECC-GOST|ECDSAP256SHA256|ECDSAP384SHA384|ED25519|ED448|INDIRECT|PRIVATEDNS|PRIVATEOID)$' then
        problem := 'expected KEY-TAG ALGORITHM DIGEST-TYPE DIGEST';
      else
        problem := zoneferry_hex_problem(part[4], case part[3]::integer when 1 then 20 when 2 then 32 when 3 then 32 when 4 then 48 end);
      end if;
    when type in ('SVCB', 'HTTPS') then
      problem := zoneferry_service_problem(content);
      part := regexp_match(content, '^([0-9]{1,5})\s+([^\s\\]+)(\s.*)?$');
      if problem is null and part is not null then
        normal := part[1]::integer || ' ' || (zoneferry_name(part[2])).normal || coalesce(part[3], '');
      end if;
    when type ~ '^TYPE[0-9]+$' then
      problem := 'a type without a presentation format takes \# LENGTH HEX (RFC 3597)';
    else
      null; -- judged by the encoder of the service
  end case;
end
$$;
