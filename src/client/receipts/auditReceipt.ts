import { toBinary } from "@bufbuild/protobuf";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import type { Clock } from "../../platform/clock.ts";
import { equalBytes } from "../../protocol/bytes.ts";
import { payerEnvelopeHash, readOriginatorEnvelope } from "../../protocol/envelope.ts";
import { withTimeout } from "../async.ts";
import { queryAt } from "../nodes/nodeDirectory.ts";
import type { ConnectNode, KeptReceipt, Random, RegisteredNode } from "../ports.ts";
import { someOf } from "../someOf.ts";
import type { SigningKeys } from "./signingKeys.ts";

/** What one node serves in a receipt's place. */
export type Served =
  | { kind: "served" }
  /** Something else, under the originator's own signature: it gave one sequence id to two messages. */
  | { kind: "other"; envelope: Uint8Array }
  /** Something that the originator did not sign: what this node serves says nothing of the originator. */
  | { kind: "forged" }
  /** Nothing there, but what follows it; envelopes go when their retention ends. */
  | { kind: "missing"; next: bigint }
  /** Nothing from there on: it has not come so far. */
  | { kind: "notYet" }
  | { kind: "unreachable"; problem: string };

export interface NodeAnswer {
  nodeId: number;
  served: Served;
}

export interface AuditOptions {
  connectNode: ConnectNode;
  keys: Pick<SigningKeys, "signerOf">;
  clock: Clock;
  random: Random;
  nodeTimeoutMs: number;
  /** Nodes that are asked. */
  mostNodes: number;
}

/** Asks other nodes, some of them by chance, whether they serve what a receipt says. Never rejects for what a node does. */
export async function auditReceipt(
  receipt: Pick<KeptReceipt, "originatorId" | "sequenceId" | "envelope">,
  nodes: readonly RegisteredNode[],
  options: AuditOptions,
  signal: AbortSignal,
): Promise<NodeAnswer[]> {
  const originator = nodes.find(({ id }) => id === receipt.originatorId);
  const others = nodes.filter(({ id }) => id !== receipt.originatorId);
  const asked = someOf(others, options.mostNodes, options.random);
  asked.sort((a, b) => a.id - b.id);
  const ask = async (node: RegisteredNode): Promise<NodeAnswer> => {
    const served = await servedBy(node, receipt, originator, options, signal).catch((error: unknown): Served => {
      if (signal.aborted) throw error;
      return { kind: "unreachable", problem: (error as Error).message };
    });
    return { nodeId: node.id, served };
  };
  return Promise.all(asked.map(ask));
}

async function servedBy(
  node: RegisteredNode,
  receipt: Pick<KeptReceipt, "originatorId" | "sequenceId" | "envelope">,
  originator: RegisteredNode | undefined,
  { clock, connectNode, keys, nodeTimeoutMs }: AuditOptions,
  signal: AbortSignal,
): Promise<Served> {
  const client = connectNode(node);
  try {
    const [first] = await withTimeout(clock, nodeTimeoutMs, signal, `node ${node.id}'s answer`, (own) =>
      client.query(queryAt(receipt), own),
    );
    if (!first) return { kind: "notYet" };
    const read = readOriginatorEnvelope(first);
    if (read.originatorId !== receipt.originatorId || read.sequenceId < receipt.sequenceId) return { kind: "forged" };
    if (read.sequenceId > receipt.sequenceId) return { kind: "missing", next: read.sequenceId };
    const own = readOriginatorEnvelope(receipt.envelope);
    // Expiry and fee may differ between honest copies.
    const isSame =
      read.originatorNs === own.originatorNs &&
      equalBytes(payerEnvelopeHash(read.payerEnvelope), payerEnvelopeHash(own.payerEnvelope));
    // Who left the registry is still who had the key.
    const who = originator ?? { id: receipt.originatorId, signer: "0x", isCanonical: false, httpAddress: "" };
    if (!(await keys.signerOf(read, who, signal))) return { kind: "forged" };
    return isSame ? { kind: "served" } : { kind: "other", envelope: toBinary(OriginatorEnvelopeSchema, first) };
  } finally {
    client.close();
  }
}
