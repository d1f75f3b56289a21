/** Numbers that look random and are the same for the same seed on every machine (xoshiro128**). */
export class Random {
  readonly #state: [number, number, number, number];

  constructor(seed: number) {
    // Spread the seed: neighbouring ones must not begin alike.
    let mixed = seed >>> 0;
    const next = () => {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let z = mixed;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.#state = [next(), next(), next(), next()];
  }

  /** A sequence of its own, so that what one part draws does not change what another sees. */
  fork(): Random {
    return new Random(this.#next());
  }

  /** From 0 (inclusive) to 1 (exclusive). */
  unit(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number, both ends inclusive. */
  between(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)]!;
  }

  #next(): number {
    const s = this.#state;
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
