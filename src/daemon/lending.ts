import type { Address } from "../protocol/bytes.ts";
import { unitsToPico } from "../protocol/units.ts";

/** What a node lends a channel between two rounds whatever its headroom: 0.01 USD. */
const LEAST_SHARE_PICO = unitsToPico(10_000n);

/**
 * What this node has let in for each channel since it last exchanged vouchers with a majority of seats. The same headroom
 * can be shown to every node at once, so until they have spoken each lends only its share of it.
 */
export class Lending {
  readonly #lentPico = new Map<Address, bigint>();
  readonly #seats: () => number;

  /** @param seats how many nodes may lend the same headroom */
  constructor(seats: () => number) {
    this.#seats = seats;
  }

  isEmpty(): boolean {
    return this.#lentPico.size === 0;
  }

  lentPico(channel: Address): bigint {
    return this.#lentPico.get(channel) ?? 0n;
  }

  /**
   * Whether `feePico` more is within this node's share.
   * @param freePico what is signed for, backed and not used yet, before this
   */
  isWithinShare(channel: Address, freePico: bigint, feePico: bigint): boolean {
    const seats = BigInt(this.#seats());
    const lent = this.lentPico(channel);
    // One call is let in whatever it costs: else what is dearer than a share could never be sent.
    if (seats <= 1n || lent === 0n) return true;
    // What was lent here is part of the headroom that is being shared.
    const share = (freePico + lent) / seats;
    return lent + feePico <= (share > LEAST_SHARE_PICO ? share : LEAST_SHARE_PICO);
  }

  lend(channel: Address, feePico: bigint): void {
    this.#lentPico.set(channel, this.lentPico(channel) + feePico);
  }

  /** Of what was not stored after all. In a newer round it was forgotten already. */
  takeBack(channel: Address, feePico: bigint): void {
    const rest = this.lentPico(channel) - feePico;
    if (rest > 0n) this.#lentPico.set(channel, rest);
    else this.#lentPico.delete(channel);
  }

  /** A majority of seats has answered a round of gossip. */
  noteRound(): void {
    this.#lentPico.clear();
  }
}
