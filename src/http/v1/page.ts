/** A page of a list that is short enough to be read whole; `after` is the name behind which it begins. */
export function pageByName<T extends { name: string }>(
  all: readonly T[],
  { limit, after = '' }: { limit: number; after?: string },
): { items: T[]; next: string | null; total: number } {
  const begin = after === '' ? 0 : all.findIndex((item) => item.name === after) + 1;
  const items = all.slice(begin, begin + limit);
  const more = begin + items.length < all.length;
  return { items, next: more ? (items.at(-1)?.name ?? null) : null, total: all.length };
}
