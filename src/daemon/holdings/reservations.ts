import type { Address } from "../../protocol/bytes.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type { Charge } from "../ports.ts";

interface Reservation {
  feePico: bigint;
  /** The node has it on disk, so the meter will meet it. */
  isStored: boolean;
  stamp?: Charge["stamp"];
}

interface OfChannel {
  sumPico: bigint;
  byDigest: Map<string, Reservation>;
}

/**
 * Fees of what this process let in and that is not metered yet.
 */
export class Reservations {
  readonly #channels = new Map<Address, OfChannel>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  has(channel: Address, digest: string): boolean {
    return this.#channels.get(channel)?.byDigest.has(digest) ?? false;
  }

  isEmpty(channel: Address): boolean {
    return !this.#channels.has(channel);
  }

  sumPico(channel: Address): bigint {
    return this.#channels.get(channel)?.sumPico ?? 0n;
  }

  /** Prices of stamps that are held, by inbox. */
  stamps(channel: Address): Map<Hex, bigint> {
    const held = new Map<Hex, bigint>();
    for (const { stamp } of this.#channels.get(channel)?.byDigest.values() ?? []) {
      if (stamp) held.set(stamp.inbox, stamp.price);
    }
    return held;
  }

  add({ channel, digest, feePico, stamp }: Charge): void {
    if (this.has(channel, digest)) return;
    const own = this.#channels.get(channel) ?? { sumPico: 0n, byDigest: new Map<string, Reservation>() };
    own.byDigest.set(digest, { feePico, isStored: false, ...(stamp ? { stamp } : {}) });
    own.sumPico += feePico;
    this.#channels.set(channel, own);
    this.#count++;
  }

  remove(channel: Address, digest: string): void {
    const own = this.#channels.get(channel);
    const reservation = own?.byDigest.get(digest);
    if (!own || !reservation) return;
    own.byDigest.delete(digest);
    own.sumPico -= reservation.feePico;
    this.#count--;
    if (own.byDigest.size === 0) this.#channels.delete(channel);
  }

  markStored(channel: Address, digest: string): void {
    const reservation = this.#channels.get(channel)?.byDigest.get(digest);
    if (reservation) reservation.isStored = true;
  }

  clear(): void {
    this.#channels.clear();
    this.#count = 0;
  }

  stored(): { channel: Address; digest: string }[] {
    return [...this.#channels].flatMap(([channel, { byDigest }]) =>
      [...byDigest].filter(([, { isStored }]) => isStored).map(([digest]) => ({ channel, digest })),
    );
  }
}
