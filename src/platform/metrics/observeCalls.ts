import type { Clock } from "../clock.ts";

type Outcomes<T> = {
  [K in keyof T]?: T[K] extends (...args: infer A) => Promise<infer R> ? (args: A, result: Awaited<R>) => void : never;
};

export interface CallObserver<T> {
  /** Of each call that resolved. */
  took(method: string, seconds: number): void;
  /** Of each that rejected. */
  failed(method: string): void;
  /** What else is to be seen in one that resolved. */
  after?: Outcomes<T>;
}

/** The same object, whose methods all return promises; how long each call takes, and how it ends, is told. */
export function observeCalls<T extends object>(target: T, observer: CallObserver<T>, clock: Pick<Clock, "elapsed">): T {
  const observed: Record<string, unknown> = {};
  for (const name of methodsOf(target)) {
    const method = (target as Record<string, unknown>)[name] as (...args: unknown[]) => Promise<unknown>;
    const after = observer.after?.[name as keyof T];
    observed[name] = async (...args: unknown[]) => {
      const from = clock.elapsed();
      let result: unknown;
      try {
        result = await method.apply(target, args);
      } catch (error) {
        observer.failed(name);
        throw error;
      }
      observer.took(name, (clock.elapsed() - from) / 1_000);
      after?.(args, result);
      return result;
    };
  }
  return observed as T;
}

/** Of an object as it is made, or of its class. */
function methodsOf(target: object): string[] {
  const names = new Set<string>();
  for (let at: object | null = target; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null) {
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  names.delete("constructor");
  return [...names].filter((name) => typeof (target as Record<string, unknown>)[name] === "function");
}
