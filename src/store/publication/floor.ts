/**
 * The SQL condition on a mark, by the alias of its table: an answer waits for the zone's `alias_floor` to pass since the last serial.
 * Edits never do, nor does what a forced look found.
 */
export function waitsForFloor(mark: string): string {
  return `(${mark}.cause ->> 'by' = 'alias' and not ${mark}.cause ? 'forced' and exists (
    select from zones f where f.id = ${mark}.zone_id and f.alias_floor > 0
      and f.published_at > clock_timestamp() - make_interval(secs => f.alias_floor)))`;
}
