/** A process of the simulation that can be killed: nothing it had begun comes back to it, and nothing it does counts. */
export class SimProcess {
  isAlive = true;
  #callsLeft = Infinity;
  #onDeath = () => {};

  kill(): void {
    this.isAlive = false;
  }

  /** Dies in the middle of something: at one of the next calls that it makes. */
  killAfter(calls: number, onDeath: () => void): void {
    this.#callsLeft = calls;
    this.#onDeath = onDeath;
  }

  /**
   * The object as this process sees it. After the kill its methods that take time answer nothing, for ever; what was
   * under way is carried out, but nobody hears of it.
   */
  seen<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value = Reflect.get(object, name) as unknown;
        if (typeof value !== "function") return value;
        // What asks for the time changes nothing, and a promise in place of a number would.
        if (name === "now" || name === "elapsed") return value.bind(object) as unknown;
        return (...args: unknown[]) => this.#call(() => Reflect.apply(value, object, args) as unknown);
      },
    });
  }

  #call(action: () => unknown): unknown {
    if (this.isAlive && this.#callsLeft-- <= 0) this.#onDeath();
    if (!this.isAlive) return new Promise(() => {});
    const result = action();
    if (!(result instanceof Promise)) return result;
    return new Promise((resolve, reject) => {
      result.then(
        (value) => this.isAlive && resolve(value),
        (error: unknown) => this.isAlive && reject(error as Error),
      );
    });
  }
}
