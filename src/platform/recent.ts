import { NewestMap } from "./newestMap.ts";

/**
 * What was made last, by key: whoever asks for the same at the same time waits for the same, and what is used stays while
 * others are dropped. What could not be made, or is not there, is not remembered.
 */
export class Recent<T> {
  readonly #made: NewestMap<string, Promise<T>>;

  constructor(most: number) {
    this.#made = new NewestMap(most);
  }

  async get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#made.get(key);
    const made = known ?? make();
    this.#made.set(key, made);
    if (known) return known;
    const forget = () => {
      if (this.#made.get(key) === made) this.#made.delete(key);
    };
    made.then((value) => value === undefined && forget(), forget);
    return made;
  }
}
