import { keccak256 } from "ethers";

import type { Clock } from "../../platform/clock.ts";
import type { TransactionSigner } from "../../platform/keys/transactionSigner.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type { TransactionChain } from "./chain.ts";
import { refusalOf } from "./classify.ts";
import type { Fees } from "./fees.ts";
import type { Attempt, Intent, IntentStore } from "./ports.ts";
import type { Tracks } from "./track.ts";

/** Gas of a transfer of nothing. */
export const FILL_GAS = 21_000n;
const NOTHING = "0x";
/** What an endpoint does not know any more is sent to it again after this. */
const REBROADCAST_MS = 20_000;

export interface BroadcasterOptions {
  chain: TransactionChain;
  chainId: bigint;
  store: IntentStore;
  signer: TransactionSigner;
  tracks: Tracks;
  clock: Clock;
  log: Log;
}

/** Signs attempts, writes their hashes down, and only then lets them out. */
export class Broadcaster {
  readonly #options: BroadcasterOptions;

  constructor(options: BroadcasterOptions) {
    this.#options = options;
  }

  /** One more attempt of an intent. Whatever the endpoint says, the chain decides what became of it. */
  async attempt(intent: Intent, fees: Fees, term: bigint): Promise<Intent> {
    const { store, tracks, clock, log } = this.#options;
    const track = tracks.of(intent.id);
    const raw = await this.#sign(intent, fees, track.isFill);
    const { maxFeePerGas, maxPriorityFeePerGas } = fees;
    const hash = keccak256(raw) as Hex;
    const attempt: Attempt = { hash, maxFeePerGas, maxPriorityFeePerGas, sentAt: clock.now() };
    // It may be on disk although this fails: what is sent again then must not be the bytes of the one before.
    track.raw = undefined;
    track.isRecalled = false;
    await store.addAttempt(intent.id, attempt, term);
    const { kind, lane, nonce } = intent;
    const what = { kind, lane, nonce, attempt: intent.attempts.length + 1, isFill: track.isFill };
    log.info({ ...what, hash, maxFeePerGas, maxPriorityFeePerGas }, "sends a transaction");
    track.raw = raw;
    await this.#broadcast(intent, raw);
    return { ...intent, attempts: [...intent.attempts, attempt] };
  }

  /** Sends the last attempt again when the endpoint has lost it. */
  async renew(intent: Intent, term: bigint): Promise<Intent> {
    const { chain, tracks, clock, log } = this.#options;
    const last = intent.attempts.at(-1)!;
    const track = tracks.of(intent.id);
    if (clock.now() - track.broadcastAt < REBROADCAST_MS) return intent;
    if (await chain.isKnown(last.hash)) {
      track.broadcastAt = clock.now();
      return intent;
    }
    log.info({ nonce: intent.nonce, hash: last.hash }, "a transaction was lost and is sent again");
    // A signer that never signs the same twice makes another attempt of it, at the same price: the pool is empty.
    if (track.raw === undefined) return this.attempt(intent, last, term);
    await this.#broadcast(intent, track.raw);
    return intent;
  }

  /** After a restart: signs the last attempt once more, to have its bytes and to know whether it was the call or a fill. */
  async recall(intent: Intent): Promise<void> {
    const track = this.#options.tracks.of(intent.id);
    const last = intent.attempts.at(-1);
    if (track.isRecalled || track.raw !== undefined || !last) return;
    for (const isFill of [false, true]) {
      const raw = await this.#sign(intent, last, isFill);
      if (keccak256(raw) !== last.hash) continue;
      track.raw = raw;
      track.isFill ||= isFill;
      break;
    }
    track.isRecalled = true;
  }

  async #sign(intent: Intent, { maxFeePerGas, maxPriorityFeePerGas }: Fees, isFill: boolean): Promise<Hex> {
    const { signer, chainId } = this.#options;
    const { nonce, to, data, gasLimit, from } = intent;
    const what = isFill ? ({ to: from, data: NOTHING, gasLimit: FILL_GAS } as const) : { to, data, gasLimit };
    return signer.sign({ chainId, nonce, ...what, maxFeePerGas, maxPriorityFeePerGas });
  }

  async #broadcast(intent: Intent, raw: Hex): Promise<void> {
    const { chain, tracks, clock, log } = this.#options;
    const track = tracks.of(intent.id);
    track.broadcastAt = clock.now();
    track.isOutbid = false;
    try {
      await chain.broadcast(raw);
    } catch (error) {
      const refusal = refusalOf(error);
      track.isOutbid = refusal === "replacementUnderpriced";
      if (refusal === "known") return;
      const { kind, nonce } = intent;
      log.warn({ kind, nonce, refusal, error: messageOf(error) }, "an endpoint did not take a transaction");
    }
  }
}

/** Without what ethers adds: the signed bytes are public, but a log is no place for kilobytes of them. */
function messageOf(error: unknown): string {
  const { shortMessage, message } = error as { shortMessage?: string; message?: string };
  return (shortMessage ?? message ?? String(error)).slice(0, 300);
}
