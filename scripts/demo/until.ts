const MOST_WAIT_MS = 60_000;

/** Asks until it is so. Rejects after a minute. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + MOST_WAIT_MS;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited ${MOST_WAIT_MS / 1_000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
