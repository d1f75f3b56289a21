import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Receipt, TransactionChain } from "./chain.ts";
import { SendError } from "./errors.ts";
import type { Intent, IntentStore, Outcome } from "./ports.ts";
import type { Tracks } from "./track.ts";
import { replacedError } from "./track.ts";

/** An endpoint may count a transaction before it has the receipt; after this the nonce was used by another one. */
const USED_AFTER_MS = 15_000;

export interface FollowerOptions {
  chain: TransactionChain;
  store: IntentStore;
  tracks: Tracks;
  /** Whether what the intent was for is in the receipt of its call. */
  hasEffect: (intent: Intent, receipt: Receipt) => boolean;
  clock: Clock;
  log: Log;
}

/** Where the chain is. */
export interface Heads {
  /** Transactions of the account in blocks. */
  nonce: number;
  finalizedBlock: bigint;
}

/** Finds out what became of intents: mined, dropped by a reorganisation, replaced by another transaction, final. */
export class Follower {
  readonly #options: FollowerOptions;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  /** The intent as it stands now; with an outcome when it is over. */
  async look(intent: Intent, heads: Heads, term: bigint): Promise<Intent> {
    if (!intent.mined && intent.nonce >= heads.nonce) {
      this.#options.tracks.of(intent.id).usedSince = undefined;
      return intent;
    }
    const receipt = await this.#receiptOf(intent);
    if (receipt) return this.#noteMined(intent, receipt, heads, term);
    if (intent.mined) return this.#noteMissing(intent, intent.mined, term);
    return this.#noteUsed(intent, term);
  }

  async #receiptOf({ attempts, mined }: Intent): Promise<Receipt | undefined> {
    const hashes = attempts.map(({ hash }) => hash).reverse();
    for (const hash of mined ? [mined.hash, ...hashes.filter((other) => other !== mined.hash)] : hashes) {
      const receipt = await this.#options.chain.receipt(hash);
      if (receipt) return receipt;
    }
    return undefined;
  }

  async #noteMined(intent: Intent, receipt: Receipt, heads: Heads, term: bigint): Promise<Intent> {
    const { chain, store, tracks, log } = this.#options;
    const { hash, blockNumber, blockHash } = receipt;
    const { kind, nonce, lane } = intent;
    tracks.of(intent.id).usedSince = undefined;
    if (intent.mined?.hash !== hash || intent.mined.blockHash !== blockHash) {
      await store.setMined(intent.id, { hash, blockNumber, blockHash }, term);
      log.info({ kind, lane, nonce, hash, blockNumber }, "a transaction is in a block");
    }
    const now = { ...intent, mined: { hash, blockNumber, blockHash } };
    const outcome = this.#outcomeOf(now, receipt);
    tracks.tell(intent.id, outcome === "done" ? { receipt } : { error: errorOf(now, outcome) });
    if (blockNumber > heads.finalizedBlock || (await chain.blockHash(blockNumber)) !== blockHash) return now;
    await store.finish(intent.id, outcome, term);
    return { ...now, outcome };
  }

  #outcomeOf(intent: Intent, receipt: Receipt): Outcome {
    const isFill = intent.to === intent.from;
    if (isFill) return "done";
    // A filled gap: the nonce went to a transfer of nothing to the account itself.
    if (receipt.to === intent.from) return "replaced";
    return receipt.isSuccess && this.#options.hasEffect(intent, receipt) ? "done" : "reverted";
  }

  /** Its block may be gone, or the endpoint only slow: as long as the block is there nothing is forgotten. */
  async #noteMissing(intent: Intent, mined: NonNullable<Intent["mined"]>, term: bigint): Promise<Intent> {
    const { chain, store, log } = this.#options;
    if ((await chain.blockHash(mined.blockNumber)) === mined.blockHash) return intent;
    await store.setMined(intent.id, undefined, term);
    const { kind, nonce } = intent;
    log.warn({ kind, nonce, hash: mined.hash }, "a reorganisation dropped a transaction's block, it is pending again");
    return { ...intent, mined: undefined };
  }

  async #noteUsed(intent: Intent, term: bigint): Promise<Intent> {
    const { chain, store, tracks, clock, log } = this.#options;
    const track = tracks.of(intent.id);
    track.usedSince ??= clock.now();
    if (clock.now() - track.usedSince < USED_AFTER_MS) return intent;
    // A reorganisation may free the nonce again: what was decided anew meanwhile must not be sent twice.
    track.isFill = true;
    tracks.tell(intent.id, { error: replacedError(intent) });
    if ((await chain.nonce(intent.from, "finalized")) <= intent.nonce) return intent;
    await store.finish(intent.id, "replaced", term);
    log.warn({ kind: intent.kind, nonce: intent.nonce }, "another transaction used the nonce of an intent");
    return { ...intent, outcome: "replaced" };
  }
}

function errorOf(intent: Intent, outcome: Exclude<Outcome, "done">): SendError {
  if (outcome === "replaced") return replacedError(intent);
  const { kind, mined } = intent;
  return new SendError(
    "reverted",
    `${kind} transaction ${mined!.hash} was mined to no effect: the chain is asked again`,
  );
}
