/**
 * Whether each commit waits for the standby `me`, as `synchronous_standby_names` says: it is named, and as many as are named have to
 * confirm. Of more names than that any may be passed over; `*` may mean others.
 */
export function isWaitedFor(names: string, me: string): boolean {
  const [, count = '1', list = names] = /^\s*(?:(?:first|any)\s+)?(\d+)\s*\((.*)\)\s*$/is.exec(names) ?? [];
  const listed = [...list.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
  // PostgreSQL compares names without regard to case
  return (
    Number(count) >= listed.length &&
    !listed.includes('*') &&
    listed.some((name) => name.toLowerCase() === me.toLowerCase())
  );
}

/** The name under which a standby is known to its primary, from the connection string that it uses. */
export function standbyName(conninfo: string): string | undefined {
  const values = new Map(
    [...conninfo.matchAll(/(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))/g)].map(([, key, quoted, plain]) => [
      key,
      quoted?.replaceAll(/\\(.)/g, '$1') ?? plain,
    ]),
  );
  return values.get('application_name') || values.get('fallback_application_name') || undefined;
}
