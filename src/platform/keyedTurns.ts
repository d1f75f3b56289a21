/** Runs tasks that share a key one after the other, and all others at the same time. */
export class KeyedTurns {
  /** Keys that a task has now, with the promise that it is done. */
  readonly #busy = new Map<string, Promise<void>>();

  async run<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    // Until no other task has one of the keys. Nothing is awaited between seeing that and taking all of them, so that no
    // two tasks get the same key and none waits for another that waits for it.
    for (;;) {
      const busy = keys.map((key) => this.#busy.get(key)).filter((promise) => promise !== undefined);
      if (busy.length === 0) break;
      await Promise.all(busy);
    }
    let done = () => {};
    const finished = new Promise<void>((resolve) => (done = resolve));
    for (const key of keys) this.#busy.set(key, finished);
    try {
      return await task();
    } finally {
      for (const key of keys) this.#busy.delete(key);
      done();
    }
  }

  /** Resolves when no task is under way. */
  async drain(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy.values());
  }
}
