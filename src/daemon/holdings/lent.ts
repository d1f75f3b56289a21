import type { Address } from "../../protocol/bytes.ts";

/** What this process has let in for each channel since it last exchanged vouchers with a majority of seats. */
export class Lent {
  readonly #pico = new Map<Address, bigint>();

  isEmpty(): boolean {
    return this.#pico.size === 0;
  }

  pico(channel: Address): bigint {
    return this.#pico.get(channel) ?? 0n;
  }

  lend(channel: Address, feePico: bigint): void {
    this.#pico.set(channel, this.pico(channel) + feePico);
  }

  /** Of what was not stored after all. In a newer round it was forgotten already. */
  takeBack(channel: Address, feePico: bigint): void {
    const rest = this.pico(channel) - feePico;
    if (rest > 0n) this.#pico.set(channel, rest);
    else this.#pico.delete(channel);
  }

  noteRound(): void {
    this.#pico.clear();
  }
}
