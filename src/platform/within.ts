/**
 * Calls with a signal that aborts after `ms`, or with `parent`. In place of `AbortSignal.any`, which leaves some memory
 * behind for each call, as long as the parent lives: here that is as long as the process.
 */
export async function within<T>(
  parent: AbortSignal,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const abort = () => own.abort(parent.reason);
  if (parent.aborted) abort();
  parent.addEventListener("abort", abort, { once: true });
  const timer = setTimeout(() => own.abort(new DOMException(`no answer within ${ms} ms`, "TimeoutError")), ms);
  timer.unref();
  try {
    return await call(own.signal);
  } finally {
    clearTimeout(timer);
    parent.removeEventListener("abort", abort);
  }
}
