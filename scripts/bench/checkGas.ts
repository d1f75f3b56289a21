import { NOT_REACHED, TARGETS, TOLERANCE } from "./gasTargets.ts";
import type { GasFigures } from "./measureGas.ts";

/** `{ settle: { calldataPerRow: 80 } }` as `{ "settle.calldataPerRow": 80 }`. */
export function flatten(tree: object, prefix = ""): Record<string, number> {
  const entries = Object.entries(tree).flatMap(([key, value]: [string, unknown]) =>
    typeof value === "number"
      ? [[`${prefix}${key}`, value] as const]
      : Object.entries(flatten(value as object, `${prefix}${key}.`)),
  );
  return Object.fromEntries(entries);
}

/** What costs more than assurance.md allows. A figure with a target must be there. */
export function checkAgainstTargets(figures: GasFigures): { problems: string[]; open: string[] } {
  const measured = flatten(figures);
  const problems: string[] = [];
  const open: string[] = [];
  for (const [key, most] of Object.entries(TARGETS)) {
    const value = measured[key];
    const isReached = value !== undefined && value <= most;
    const text = `${key} is ${value ?? "not measured"}, its target ${most}`;
    const reason = NOT_REACHED[key];
    if (reason === undefined && !isReached) problems.push(text);
    if (reason !== undefined && !isReached) open.push(`${text}: ${reason}`);
    if (reason !== undefined && isReached) problems.push(`${text}: reached, take it out of NOT_REACHED`);
  }
  return { problems, open };
}

/** What differs from the snapshot: dearer is a regression, cheaper a snapshot to update. */
export function checkAgainstSnapshot(figures: GasFigures, snapshot: GasFigures): string[] {
  const now = flatten(figures);
  const then = flatten(snapshot);
  const keys = [...new Set([...Object.keys(now), ...Object.keys(then)])];
  return keys.flatMap((key) => {
    const [a, b] = [now[key], then[key]];
    if (a !== undefined && b !== undefined && Math.abs(a - b) <= b * TOLERANCE) return [];
    return [`${key} is ${a ?? "not measured"}, the snapshot says ${b ?? "nothing"} (npm run bench:gas -- --update)`];
  });
}
