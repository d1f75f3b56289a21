import type { Random } from "./random.ts";

/** What may go wrong with a disk or a database. */
export interface DiskFaults {
  /** A write that is refused and changes nothing. */
  refuseChance: number;
  /** A write that is on disk and of which nobody is told. */
  loseAnswerChance: number;
}

export class SimDiskError extends Error {
  override readonly name = "SimDiskError";
}

/** A store whose writes fail before or after they are on disk. Reads work: a page that was read is in memory. */
export function faultyDisk<T extends object>(
  store: T,
  writes: readonly (keyof T)[],
  random: Random,
  faults: DiskFaults,
): T {
  return new Proxy(store, {
    get: (object, name) => {
      const value = Reflect.get(object, name) as unknown;
      if (typeof value !== "function") return value;
      if (!writes.includes(name as keyof T)) return value.bind(object) as unknown;
      return async (...args: unknown[]) => {
        if (random.chance(faults.refuseChance)) throw new SimDiskError("no space left on the disk");
        const result = (await Reflect.apply(value, object, args)) as unknown;
        if (random.chance(faults.loseAnswerChance)) throw new SimDiskError("the connection was lost");
        return result;
      };
    },
  });
}
