import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { TransactionChain } from "./chain.ts";
import type { Intent } from "./ports.ts";

/** Transactions of another program in the pool are believed in up to so many; a wilder answer is a broken endpoint. */
const MOST_FOREIGN = 16;
/** A missing nonce may be a foreign transaction that is on its way; then it is filled. */
const GAP_MS = 45_000;

export interface NoncesOptions {
  chain: Pick<TransactionChain, "nonce">;
  address: Address;
  clock: Clock;
}

/** Which nonce is next, and which are missing. */
export class Nonces {
  readonly #options: NoncesOptions;
  /** Below it every nonce is known to be used: an endpoint that lags does not say so. */
  #floor = 0;
  #next: number | undefined;
  #missingSince = new Map<number, number>();

  constructor(options: NoncesOptions) {
    this.#options = options;
  }

  get next(): number | undefined {
    return this.#next;
  }

  passOver(nonce: number): void {
    this.#floor = Math.max(this.#floor, nonce + 1);
  }

  /** After those of open intents, those in blocks, and what another program has in the pool. */
  async take(open: readonly Intent[]): Promise<number> {
    const { chain, address } = this.#options;
    const [latest, pending] = await Promise.all([chain.nonce(address, "latest"), chain.nonce(address, "pending")]);
    const own = open.reduce((next, { nonce }) => Math.max(next, nonce + 1), 0);
    const next = Math.max(latest, own, this.#floor);
    this.#next = pending > next && pending - next <= MOST_FOREIGN ? pending : next;
    return this.#next;
  }

  /** Nonces before an open intent that nothing has, and for some time. */
  async gaps(open: readonly Intent[], latest: number): Promise<number[]> {
    const { chain, address, clock } = this.#options;
    const taken = new Set(open.map(({ nonce }) => nonce));
    const last = Math.max(-1, ...open.filter(({ mined }) => !mined).map(({ nonce }) => nonce));
    const missing: number[] = [];
    for (let nonce = latest; nonce < last && missing.length < MOST_FOREIGN; nonce++) {
      if (!taken.has(nonce)) missing.push(nonce);
    }
    const since = new Map(missing.map((nonce) => [nonce, this.#missingSince.get(nonce) ?? clock.now()]));
    this.#missingSince = since;
    const ripe = missing.filter((nonce) => clock.now() - since.get(nonce)! >= GAP_MS);
    if (ripe.length === 0) return [];
    // What is in the pool up to there is somebody's transaction, and will be mined.
    const pending = await chain.nonce(address, "pending");
    return ripe.filter((nonce) => nonce >= pending);
  }
}
