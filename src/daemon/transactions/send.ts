import type { Address, Hex } from "../../protocol/bytes.ts";
import type { Receipt } from "./chain.ts";
import type { Intent, IntentKind, Lane } from "./ports.ts";

/** What a transaction may cost, and until when it has to be mined. */
export interface SendTerms {
  lane: Lane;
  /** Most that its gas may cost, in wei. */
  budgetWei: bigint;
  /** Unix seconds of the chain. Without one there is no hurry. */
  deadlineAt?: bigint;
  /** The operator asks for it now: what the price keeps from being mined makes way at once. */
  isDemanded?: boolean;
}

export interface SendRequest extends SendTerms {
  kind: IntentKind;
  /** Null deploys a contract. */
  to: Address | null;
  data: Hex;
}

/** Sends transactions so that each piece of work is done once. */
export interface Transactions {
  /**
   * Resolves when it is in a block and had its effect; that it stays there is looked after in the background. The same
   * call that is under way already is not sent again: both wait for it. Rejects with the provider's error when the call
   * would revert, with SendError, or with the signal's reason, and then it may still be mined.
   */
  send(request: SendRequest, signal: AbortSignal): Promise<Receipt>;
  /**
   * Those of a kind that were begun, are not in a block, and will be: not what the price of gas has kept out of it for
   * long, and for who demands its work not what it keeps out now.
   */
  underway(kind: IntentKind, isDemanded?: boolean): Promise<Pick<Intent, "id" | "lane" | "data">[]>;
}
