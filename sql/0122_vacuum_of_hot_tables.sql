-- Rows of these come and go, or are written, with every change: the usual share of a fifth of the table lets them grow to many times of what is in them, or, with
-- millions of rows, leaves what is gone in the way of every look for hours. Vacuum comes by an amount, and by a small share.

alter table zone_marks set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
alter table served_changes set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
alter table zone_news set (autovacuum_vacuum_cost_delay = 0);
alter table serial_questions set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
alter table notifications set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
alter table convergence set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
alter table convergence_history set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 20000);
alter table zone_changes set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 20000);
alter table record_history set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 20000);
alter table transfer_records set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000);
alter table records set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000);
alter table zones set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000);
