-- Two versions side by side: what each process is, which steps it finds made that it doesn't know, and which steps bear no process of before.

alter table service_processes
  add column version text,
  -- steps that the database has and the process doesn't know
  add column unknown_steps text[] not null default '{}';
comment on table service_processes is 'Processes of the service; one not seen for 15 seconds is gone, one without roles is starting or stopping.';

-- why no process that doesn't know this step may run; null: it may
alter table zoneferry_migrations add column stands_alone text;
