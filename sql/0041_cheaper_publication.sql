-- A publication writes many rows of zones and notifications at once: what its triggers would do for nothing is left out.

-- Of an update, the columns that are checked or brought to their normal form; and whatever a stranger writes.
drop trigger check_zone on zones;
create trigger check_zone_inserted before insert on zones for each row execute function zoneferry_check_zone();
create trigger check_zone_updated before update on zones for each row
  when ((new.id, new.name, new.primary_ns, new.contact) is distinct from (old.id, old.name, old.primary_ns, old.contact)
    or new.serial <> old.serial and new.published_serial is not distinct from old.published_serial
    or not zoneferry_is_service())
  execute function zoneferry_check_zone();

-- The publisher writes the transaction's number with the serial.
drop trigger stamp_notification on notifications;
drop function zoneferry_stamp_notification();

-- Edits are published ahead of targets that moved, of which there may be very many at once.
create index zone_marks_edits on zone_marks (id) where (cause ->> 'by') is distinct from 'alias';
