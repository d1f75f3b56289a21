import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { fromBinary } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import { PayerEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { addressOf } from "../../../src/protocol/ecdsa.ts";
import type { ReadOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { readOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { topicBytes } from "../../../src/protocol/topics.ts";
import type { NodeOptions, RunningNode } from "../../../src/node/node.ts";
import { startNode } from "../../../src/node/node.ts";
import { openGate } from "../../../src/node/ports.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { FakeChain } from "./fakeChain.ts";

export const POSTAGE_KEY = new Uint8Array(32).fill(0x11);
/** The topic of the group that test/support/envelopes writes to. */
export const GROUP_TOPIC = topicBytes(0, new Uint8Array(16).fill(0xab));

export function keyOf(nodeId: number): Uint8Array {
  return new Uint8Array(32).fill(nodeId / 100 + 0x20);
}

export function payer(n: number, target: number, key = POSTAGE_KEY) {
  return fromBinary(PayerEnvelopeSchema, payerEnvelope(n, target, key));
}

export type NodeClient = Client<typeof ReplicationApi>;

/** On a connection of its own, because a node that was restarted has closed the old ones. */
export function clientOf(url: string): NodeClient {
  return createClient(
    ReplicationApi,
    createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1", nodeOptions: { agent: false } }),
  );
}

/** Nodes in one process, on a fake chain, with their files in a directory of their own. */
export class TestNetwork {
  readonly chain = new FakeChain();
  readonly #directory = mkdtempSync(join(tmpdir(), "pennyblack-node-"));
  readonly #running = new Map<number, RunningNode>();
  readonly #port = new Map<number, number>();

  /** Starts a node, at the same address when it ran before, and has it in the registry. */
  async start(nodeId: number, options: Partial<NodeOptions> = {}): Promise<RunningNode & { client: NodeClient }> {
    const signer = addressOf(keyOf(nodeId));
    if (!this.chain.nodes.some(({ id }) => id === nodeId)) {
      this.chain.nodes.push({ id: nodeId, signer, isCanonical: true, httpAddress: "http://127.0.0.1:1" });
    }
    const node = await startNode({
      nodeId,
      signingKey: keyOf(nodeId),
      host: "127.0.0.1",
      port: this.#port.get(nodeId) ?? 0,
      databasePath: join(this.#directory, `${nodeId}.sqlite`),
      chain: this.chain,
      gate: openGate,
      chainPollMs: 20,
      peerBackoffMs: 20,
      peerMaxBackoffMs: 100,
      ...options,
    });
    this.#running.set(nodeId, node);
    this.#port.set(nodeId, Number(new URL(node.url).port));
    this.chain.nodes.find(({ id }) => id === nodeId)!.httpAddress = node.url;
    await Promise.all([...this.#running.values()].map((running) => running.refresh()));
    return { ...node, client: clientOf(node.url) };
  }

  portOf(nodeId: number): number {
    return this.#port.get(nodeId)!;
  }

  async stop(nodeId: number): Promise<void> {
    await this.#running.get(nodeId)?.close();
    this.#running.delete(nodeId);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((node) => node.close()));
    rmSync(this.#directory, { recursive: true });
  }
}

/** Resolves when the node's log of the originator has reached a sequence id. */
export async function reached(node: RunningNode, originatorId: number, sequenceId: bigint): Promise<void> {
  const has = () =>
    (node.stats().originators.find(({ id }) => id === originatorId)?.lastSequenceId ?? 0n) >= sequenceId;
  await new Promise<void>((resolve) => {
    const stop = node.log.onAppend(() => {
      if (!has()) return;
      stop();
      resolve();
    });
    if (has()) {
      stop();
      resolve();
    }
  });
}

/** What a node answers for the test group, or for other topics. */
export async function query(client: NodeClient, topics = [GROUP_TOPIC], limit = 0): Promise<ReadOriginatorEnvelope[]> {
  const { envelopes } = await client.queryEnvelopes({ query: { topics }, limit });
  return envelopes.map((envelope) => readOriginatorEnvelope(envelope));
}

/** The ConnectError that a call must fail with. */
export async function refusalOf(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call was not refused");
}
