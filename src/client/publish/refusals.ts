import { ProtocolError } from "../../protocol/errors.ts";
import type { Address } from "../../protocol/bytes.ts";
import { formatUnits } from "../../protocol/units.ts";
import { GatewayError, isGatewayError } from "../errors.ts";
import type { NodeStatus } from "../nodes/nodeDirectory.ts";
import type { Attempt, PostageDemand, PublishOutcome } from "../ports.ts";

/** What a node's demand for postage means to whoever publishes. */
export function refusalOf(channel: Address, nodeId: number, demand: PostageDemand): GatewayError {
  const { code, required, authorised, available } = demand;
  const numbers = { channel, required, authorised, available };
  if (code === "sender_blocked") {
    const words = `node ${nodeId} says that the recipient blocks this sender: only the recipient can lift that`;
    return new GatewayError("sender_blocked", words, { retryable: false, numbers });
  }
  if (required <= available || code.startsWith("stamp_")) {
    return new GatewayError("refused_by_nodes", `node ${nodeId} refused the postage (${code}): try again later`, {
      retryable: true,
      numbers,
    });
  }
  const words =
    `channel ${channel} is out of money at node ${nodeId} (${code}): ${formatUnits(required)} USD required in ` +
    `all, ${formatUnits(available)} available: deposit, or wait until the nodes have seen the deposit`;
  return new GatewayError("out_of_money", words, { retryable: true, numbers });
}

/** Why a publish at a node did not succeed. */
export function failureOf(
  channel: Address,
  nodeId: number,
  outcome: Exclude<PublishOutcome, { kind: "accepted" }>,
): GatewayError {
  if (outcome.kind !== "refused") {
    return new GatewayError("no_node", `node ${nodeId} did not answer: ${outcome.message}`, { retryable: true });
  }
  if (outcome.demand) return refusalOf(channel, nodeId, outcome.demand);
  const words = `node ${nodeId} refused the envelope: ${outcome.message}`;
  return outcome.reason === "invalid"
    ? new GatewayError("invalid_envelope", words, { retryable: false })
    : new GatewayError("refused_by_nodes", words, { retryable: true });
}

export function noNode(all: readonly NodeStatus[]): GatewayError {
  const known = all.map(({ node, problem }) => `${node.id}: ${problem ?? "available"}`).join("; ");
  return new GatewayError("no_node", `no node can be reached (${known || "none is registered"}): try again later`, {
    retryable: true,
  });
}

/** A receipt that does not hold. Throws what is none of the node's faults. */
export function asBadReceipt(error: unknown, { originatorId }: Attempt): GatewayError {
  if (isGatewayError(error, "bad_receipt")) return error;
  // Whose key signed could not be asked.
  if (isGatewayError(error, "chain_unavailable") || isGatewayError(error, "timeout")) return error;
  // Anything but bytes that cannot be read is our own trouble, for example a full disk.
  if (!(error instanceof ProtocolError)) throw error;
  const problem = `node ${originatorId} gave a receipt that cannot be read: ${String(error)}`;
  return new GatewayError("bad_receipt", problem, { retryable: true, cause: error });
}
