/** Some rows of a table, and how many there are in all. */
export interface StatusPage<T> {
  total: number;
  rows: T[];
}

// biome-ignore lint/suspicious/noExplicitAny: rows as the driver gives them
export function page<T>(rows: any[], toRow: (row: any) => T): StatusPage<T> {
  return { total: Number(rows[0]?.total ?? 0), rows: rows.map(toRow) };
}

export function numberOrNull(text: string | null): number | null {
  return text === null ? null : Number(text);
}
