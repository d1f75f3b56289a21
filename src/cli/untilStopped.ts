/** A terminal and a launcher may both deliver the same Ctrl-C: what comes this soon after is no second one. */
const SAME_SIGNAL_MS = 1_000;

/** Resolves at SIGINT or SIGTERM, so that a service can drain. A second signal ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const hear = () => {
      first ??= Date.now();
      if (Date.now() - first > SAME_SIGNAL_MS) process.exit(1);
      resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, hear);
  });
}
