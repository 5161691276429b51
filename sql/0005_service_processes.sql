-- Who is at work: a row for each process of the service, renewed while it lives. The command line reads it to say why nothing happens.

create table service_processes (
  -- host/process number/random part
  id text primary key,
  roles text[] not null,
  -- where its queue is: postgresql or redis, and which Redis, as a hash without credentials
  queue_kind text not null,
  queue_hash text not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now()
);
comment on table service_processes is 'Processes of the service; one not seen for 15 seconds is gone.';
create trigger guard before insert or update or delete or truncate on service_processes for each statement execute function zoneferry_guard();
