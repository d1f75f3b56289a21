import type { Hex } from "../../protocol/bytes.ts";
import type { Receipt } from "./chain.ts";
import { SendError } from "./errors.ts";
import type { Intent } from "./ports.ts";

/** What a waiting caller gets. */
export type Result = { receipt: Receipt } | { error: SendError };

export interface Waiter {
  result?: Result;
}

/** What is remembered of an open intent and is not worth a place on disk: a restart finds it out again. */
export interface Track {
  /** Its nonce is only to be used up: the call itself is not sent any more. */
  isFill: boolean;
  /** Signed bytes of the last attempt. */
  raw?: Hex;
  /** Whether the last attempt of before a restart was looked at. */
  isRecalled: boolean;
  /** Its call was simulated in this process, just before it was begun. */
  isSimulated: boolean;
  /** When its bytes were last sent, in milliseconds; 0 when this process has not. */
  broadcastAt: number;
  /** The endpoint refused the last attempt as too cheap for what is in its pool: more is offered at once. */
  isOutbid: boolean;
  /** Since when, in the chain's time, the price of gas keeps it from being mined. */
  outSince?: bigint;
  /** Something before it cannot be mined at the price of now. */
  isHeldUp: boolean;
  /** The operator asked for it: what is in its way need not have been there for long. A restart forgets it. */
  isDemanded: boolean;
  /** Since when its nonce is used and no attempt has a receipt. */
  usedSince?: number;
  waiters: Set<Waiter>;
}

/** Of the open intents of one account. */
export class Tracks {
  readonly #tracks = new Map<bigint, Track>();

  of(id: bigint): Track {
    let track = this.#tracks.get(id);
    if (!track) {
      track = {
        isFill: false,
        isRecalled: false,
        isSimulated: false,
        broadcastAt: 0,
        isOutbid: false,
        isHeldUp: false,
        isDemanded: false,
        waiters: new Set(),
      };
      this.#tracks.set(id, track);
    }
    return track;
  }

  /** The callers of an intent hear how it stands; whoever asks later waits for what comes next. */
  tell(id: bigint, result: Result): void {
    const { waiters } = this.of(id);
    for (const waiter of waiters) waiter.result = result;
    waiters.clear();
  }

  /** Nothing that was remembered holds any more; who waits hears why. */
  forget(error: SendError): void {
    for (const id of this.#tracks.keys()) this.tell(id, { error });
    this.#tracks.clear();
  }

  keepOnly(open: readonly Intent[]): void {
    const ids = new Set(open.map(({ id }) => id));
    for (const id of this.#tracks.keys()) if (!ids.has(id)) this.#tracks.delete(id);
  }
}

export function replacedError({ kind, nonce }: Intent): SendError {
  return new SendError("replaced", `another transaction used nonce ${nonce} of this ${kind}: it is decided anew`);
}
