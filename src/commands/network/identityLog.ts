import { AbiCoder, keccak256 } from "ethers";

import type { Hex } from "../../protocol/bytes.ts";
import { fromHex } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Member } from "../../protocol/identity/member.ts";
import { memberKey } from "../../protocol/identity/member.ts";
import { readIdentityUpdate } from "../../protocol/identity/read.ts";
import type { InboxState } from "../../protocol/identity/state.ts";
import { applyIdentityUpdate } from "../../protocol/identity/state.ts";
import type { Context } from "../core/context.ts";
import { queryInSpans } from "../../contracts/queryInSpans.ts";

export interface LoggedUpdate {
  sequenceId: bigint;
  block: number;
  update: Hex;
}

/** The updates of an inbox, in their order. */
export async function readIdentityLog(
  { contracts, record }: Pick<Context, "contracts" | "record">,
  inboxId: string,
  lastBlock: number,
): Promise<LoggedUpdate[]> {
  const { identityRegistry } = contracts;
  const filter = identityRegistry.filters.IdentityUpdateCreated(`0x${inboxId}`);
  const query = (from: number, to: number) => identityRegistry.queryFilter(filter, from, to);
  const events = await queryInSpans(query, record.deploymentBlock, lastBlock);
  return events.map(({ args, blockNumber }) => ({
    sequenceId: args.sequenceId,
    block: blockNumber,
    update: args.update as Hex,
  }));
}

/** An inbox as its log alone makes it. */
export interface FoldedInbox {
  head: Hex;
  state: InboxState | undefined;
  /** Everybody who was a member once, by memberKey. */
  everMembers: Map<string, Member>;
  /** Of updates that do not hold, which the registry must never have taken. */
  invalid: string[];
}

/** Folds a log and verifies every update again. What smart accounts signed was asked when it was taken. */
export async function foldIdentityLog(inboxId: string, log: readonly LoggedUpdate[]): Promise<FoldedInbox> {
  const everMembers = new Map<string, Member>();
  const invalid: string[] = [];
  let head: Hex = `0x${"00".repeat(32)}`;
  let state: InboxState | undefined;
  for (const [i, { update, sequenceId }] of log.entries()) {
    const words = [head, BigInt(i + 1), keccak256(update)];
    head = keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "uint256", "bytes32"], words)) as Hex;
    try {
      state = await applyIdentityUpdate(state, readIdentityUpdate(fromHex(update), inboxId), async () => true);
      for (const member of state.members.values()) everMembers.set(memberKey(member), member);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      invalid.push(`update ${sequenceId}: ${error.message}`);
    }
  }
  return { head, state, everMembers, invalid };
}
