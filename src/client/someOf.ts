import type { Random } from "./ports.ts";

/** At most so many of them, by chance which, in an order by chance. */
export function someOf<T>(items: readonly T[], most: number, random: Random): T[] {
  const rest = [...items];
  const some: T[] = [];
  while (some.length < most && rest.length > 0) some.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return some;
}
