import type { Clock } from "./clock.ts";
import { within } from "./within.ts";

/** Whoever asks within a while, or while it is read, gets one answer; a failure is not kept. */
export function sharedFor<T>(ms: number, clock: Pick<Clock, "elapsed">, read: () => Promise<T>): () => Promise<T> {
  let last: { at: number; isOpen: boolean; answer: Promise<T> } | undefined;
  return () => {
    const now = clock.elapsed();
    if (last && (last.isOpen || now - last.at < ms)) return last.answer;
    const made = { at: now, isOpen: true, answer: read() };
    last = made;
    made.answer.then(
      () => (made.isOpen = false),
      () => (last = undefined),
    );
    return made.answer;
  };
}

/**
 * What is nice to have beside an answer that must not wait for it: undefined when it fails, or takes longer than `waitMs`. It is
 * read at most every `everyMs`, also after a failure, and by one at a time; what comes late is there for the next one who asks.
 */
export function beside<T>(
  { everyMs, waitMs, clock }: { everyMs: number; waitMs: number; clock: Clock },
  read: () => Promise<T>,
  onFailure: (error: unknown) => void,
): () => Promise<T | undefined> {
  const shared = sharedFor(everyMs, clock, () =>
    read().catch((error: unknown) => {
      onFailure(error);
      return undefined;
    }),
  );
  return () =>
    within(
      new AbortController().signal,
      waitMs,
      (signal) =>
        new Promise<T | undefined>((resolve) => {
          signal.addEventListener("abort", () => resolve(undefined), { once: true });
          void shared().then(resolve);
        }),
      clock,
    );
}
