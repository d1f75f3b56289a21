import type { Clock } from "./clock.ts";
import { systemClock } from "./clock.ts";

/**
 * Calls with a signal that aborts with either of two. In place of `AbortSignal.any`, which leaves some memory behind for
 * each call as long as the longer-lived one is there: here that is as long as the process.
 */
export async function either<T>(
  one: AbortSignal,
  other: AbortSignal,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const undo = [one, other].map((signal) => {
    const abort = () => own.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    return () => signal.removeEventListener("abort", abort);
  });
  try {
    return await call(own.signal);
  } finally {
    for (const leave of undo) leave();
  }
}

/** Calls with a signal that aborts after `ms`, or with `parent`. Leaves nothing behind, see `either`. */
export async function within<T>(
  parent: AbortSignal,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
  clock: Pick<Clock, "sleep"> = systemClock,
): Promise<T> {
  const [late, over] = [new AbortController(), new AbortController()];
  clock.sleep(ms, over.signal).then(
    () => late.abort(new DOMException(`no answer within ${ms} ms`, "TimeoutError")),
    () => {},
  );
  try {
    return await either(parent, late.signal, call);
  } finally {
    over.abort();
  }
}
