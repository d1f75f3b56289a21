/** Bits per digest and bits set for each: about one in 1,700 absent ones looks as if it were there. */
export const BITS_PER_DIGEST = 16;
const HASHES = 8;
const LEAST_BYTES = 64;

/**
 * A Bloom filter over digests: what it does not have is not there. A digest is a hash already, so its own bytes choose the
 * bits. Whoever grinds digests that look as if they were there makes this daemon look them up, and no more.
 */
export class DigestFilter {
  readonly bytes: Uint8Array;
  readonly #bits: number;

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#bits = bytes.length * 8;
  }

  static forCount(digests: number): DigestFilter {
    return new DigestFilter(new Uint8Array(Math.max(LEAST_BYTES, Math.ceil((digests * BITS_PER_DIGEST) / 8))));
  }

  static fromBytes(bytes: Uint8Array): DigestFilter {
    return new DigestFilter(bytes);
  }

  add(digest: Uint8Array): void {
    const [first, step] = halves(digest);
    let at = first;
    for (let i = 0; i < HASHES; i++) {
      const bit = at % this.#bits;
      this.bytes[bit >>> 3]! |= 1 << (bit & 7);
      at = (at + step) >>> 0;
    }
  }

  mayHave(digest: Uint8Array): boolean {
    const [first, step] = halves(digest);
    let at = first;
    for (let i = 0; i < HASHES; i++) {
      const bit = at % this.#bits;
      if (((this.bytes[bit >>> 3]! >>> (bit & 7)) & 1) === 0) return false;
      at = (at + step) >>> 0;
    }
    return true;
  }
}

/** Two numbers of 32 bits from the end of a digest: its beginning orders the table. */
function halves(digest: Uint8Array): [number, number] {
  const at = digest.length - 8;
  const first = ((digest[at]! << 24) | (digest[at + 1]! << 16) | (digest[at + 2]! << 8) | digest[at + 3]!) >>> 0;
  const second = ((digest[at + 4]! << 24) | (digest[at + 5]! << 16) | (digest[at + 6]! << 8) | digest[at + 7]!) >>> 0;
  return [first, second | 1];
}
