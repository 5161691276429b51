-- Most looks find what is known already. Then the times alone change, and only those are written: the state, which is large, is not.

alter table alias_targets
  -- what such a look has to come to; null where any look is to be decided on
  add column steady text,
  -- looks since the state was written whole; the last of them was at looked_at
  add column steady_looks integer not null default 0;
