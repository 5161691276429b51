-- What guards count is read only to anyone else, as all of the service's own tables are.

create trigger guard before insert or update or delete or truncate on guarded_targets for each statement execute function zoneferry_guard();
create trigger guard before insert or update or delete or truncate on alias_overrides for each statement execute function zoneferry_guard();
