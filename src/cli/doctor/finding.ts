/** `ok`, `warn`: works and may not for long; `fail`: does not work; `skipped`: cannot be told while others fail. */
export type FindingState = "ok" | "warn" | "fail" | "skipped";

export interface Finding {
  check: string;
  state: FindingState;
  /** What was found. */
  says: string;
  /** What to do about it. */
  fix?: string;
}

/** What a check finds, without its name. */
export type Found = Omit<Finding, "check">;

export const ok = (says: string): Found => ({ state: "ok", says });
export const warn = (says: string, fix: string): Found => ({ state: "warn", says, fix });
export const fail = (says: string, fix: string): Found => ({ state: "fail", says, fix });

const CHECK_MS = 30_000;

/** Runs one check. What it throws is a failure with the error's message, and so is a check that does not end. */
export async function examine(check: string, fix: string, look: () => Promise<Found> | Found): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_MS / 1_000} s`)), CHECK_MS);
  });
  try {
    return { check, ...(await Promise.race([look(), late])) };
  } catch (error) {
    return { check, ...fail(error instanceof Error ? error.message : String(error), fix) };
  } finally {
    clearTimeout(timer);
  }
}

export const skipped = (check: string, needs: string): Finding => ({
  check,
  state: "skipped",
  says: `cannot be told before '${needs}' is mended`,
});
