import type { Signer } from "ethers";

import type { Pot } from "../../contracts/readPot.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import type { Member } from "../../protocol/identity/member.ts";
import type { PayoutLeaf } from "../../protocol/report/leaves.ts";
import type { LeafProof } from "../../protocol/report/tree.ts";
import type { NoteSignature } from "../../protocol/stamps/noteBytes.ts";
import type { NoteResult, ShownStamp } from "../../protocol/stamps/stampsJson.ts";
import type { RegisteredNode } from "../ports.ts";

export type { NoteResult, Pot, ShownStamp };

/** Signs notes of an inbox: a wallet of it, or one of its installations. See `walletSigner`, `installationSigner`. */
export interface NoteSigner {
  member: Member;
  /** Rejects when its owner says no. */
  sign(text: string): Promise<NoteSignature>;
}

/** A payout of a report, with what shows that it is in it. */
export interface ProvedPayout {
  leaf: PayoutLeaf;
  proof: LeafProof;
}

/** Daemons at their nodes' registered addresses. They may answer anything of the shape, or nothing. */
export interface StampDaemons {
  bring(httpAddress: string, notes: readonly Uint8Array[], signal: AbortSignal): Promise<NoteResult[]>;
  /** Newest first; of those opened before a second, where one is given. */
  stamps(httpAddress: string, inbox: Hex, before: bigint | undefined, signal: AbortSignal): Promise<ShownStamp[]>;
  /** Packed notes. */
  blocks(httpAddress: string, inbox: Hex, signal: AbortSignal): Promise<Uint8Array[]>;
  /** Undefined when the installation is of no inbox that it knows. */
  inboxOf(httpAddress: string, installation: Hex, signal: AbortSignal): Promise<Hex | undefined>;
  /** Undefined when it has no such payout, or not the report. */
  payout(httpAddress: string, digest: Hex, account: Address, signal: AbortSignal): Promise<ProvedPayout | undefined>;
}

/** What the chain says about stamps. Every call may fail. */
export interface StampsChain {
  /** Whose daemons may be asked. */
  nodes(signal: AbortSignal): Promise<RegisteredNode[]>;
  /** Unix seconds of the latest block. */
  now(signal: AbortSignal): Promise<bigint>;
  pot(digest: Hex, signal: AbortSignal): Promise<Pot>;
  isClaimed(digest: Hex, index: number, signal: AbortSignal): Promise<boolean>;
  /** Sends a claim and waits until it is mined. It pays the payout's account, whoever sends it. */
  claim(sender: Signer, digest: Hex, payout: ProvedPayout): Promise<PaidOut>;
}

export interface PaidOut {
  transactionHash: Hex;
  amount: bigint;
  /** The account refused the transfer: it takes the money with `Stamps.withdrawCredit`. */
  isCredited: boolean;
}
