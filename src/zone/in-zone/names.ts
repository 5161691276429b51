/** The names above one, the nearest first; the root is not among them. Names are canonical text. */
export function namesAbove(name: string): string[] {
  const above: string[] = [];
  for (let index = 0; index < name.length - 1; index++) {
    const letter = name[index];
    if (letter === '\\') index++;
    else if (letter === '.') above.push(name.slice(index + 1));
  }
  return above;
}

/** The name in a zone and those above it up to the zone's own, which is the last. */
export function namesWithin(name: string, apex: string): string[] {
  return [name, ...namesAbove(name)].filter((above) => above.length >= apex.length);
}

/** Whether `name` is `other` or lies below it. */
export function isWithin(name: string, other: string): boolean {
  return name === other || namesAbove(name).includes(other);
}
