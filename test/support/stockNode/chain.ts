import { readFileSync } from "node:fs";

import type { Log } from "ethers";
import { Contract, Interface, JsonRpcProvider } from "ethers";

import { services } from "./protos.ts";
import type { EnvelopeMessage } from "./log.ts";
import type { StockNode } from "./stockNode.ts";
import * as grpc from "@grpc/grpc-js";
import type { Unsigned } from "./wire.ts";
import { bytesOf, encodePayer, encodeUnsigned, readFields, topicOf } from "./wire.ts";

const events = new Interface([
  "event IdentityUpdateCreated(bytes32 indexed inboxId, bytes update, uint64 indexed sequenceId)",
  "event MessageSent(bytes16 indexed groupId, bytes message, uint64 indexed sequenceId)",
]);
const REGISTRY = [
  "function getAllNodes() view returns (tuple(uint32 nodeId, tuple(address signer, bool isCanonical, bytes signingPublicKey, string httpAddress) node)[])",
];

interface Deployment {
  deploymentBlock: number;
  contracts: Record<string, { address: string }>;
}

/**
 * What a stock node does beside its API: reads identity updates and commits from the chain, and copies what the other
 * nodes of the registry originate.
 */
export function lookAround(node: StockNode, nodeId: number, rpcUrl: string, deploymentFile: string): () => void {
  const deployment = JSON.parse(readFileSync(deploymentFile, "utf8")) as Deployment;
  const provider = new JsonRpcProvider(rpcUrl, undefined, { staticNetwork: true, batchMaxCount: 1 });
  const registry = new Contract(deployment.contracts.nodeRegistry!.address, REGISTRY, provider);
  const following = new Map<number, grpc.Client>();
  let readTo = deployment.deploymentBlock - 1;
  let isStopped = false;

  const index = async () => {
    const head = Number(await provider.send("eth_blockNumber", []));
    if (head <= readTo) return;
    const address = ["identityRegistry", "commitBroadcaster"].map((name) => deployment.contracts[name]!.address);
    const logs = await provider.getLogs({ address, fromBlock: readTo + 1, toBlock: head });
    for (const log of logs) ingest(node, log);
    readTo = head;
  };
  const follow = async () => {
    const nodes = (await registry.getFunction("getAllNodes")()) as { nodeId: bigint; node: { httpAddress: string } }[];
    for (const {
      nodeId: id,
      node: { httpAddress },
    } of nodes) {
      if (Number(id) === nodeId || following.has(Number(id))) continue;
      const Client = services.replication;
      const client = new Client(new URL(httpAddress).host, grpc.credentials.createInsecure());
      following.set(Number(id), client);
      replicate(node, Number(id), client, () => isStopped);
    }
  };
  const run = async () => {
    while (!isStopped) {
      await index().catch(() => {});
      await follow().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  void run();
  return () => {
    isStopped = true;
    for (const client of following.values()) client.close();
    provider.destroy();
  };
}

function ingest(node: StockNode, log: Log): void {
  const parsed = events.parseLog(log);
  if (!parsed) return;
  const isIdentity = parsed.name === "IdentityUpdateCreated";
  const client = Buffer.from((parsed.args[1] as string).slice(2), "hex");
  const originatorId = isIdentity ? 1 : 0;
  const sequenceId = parsed.args[2] as bigint;
  const payerEnvelope = encodePayer({
    ...{
      unsignedClientEnvelope: client,
      payerSignature: null,
      targetOriginator: originatorId,
      messageRetentionDays: 0,
    },
  });
  const ns = BigInt(Date.now()) * 1_000_000n;
  const fields: Unsigned = {
    nodeId: originatorId,
    sequenceId,
    ns,
    payerEnvelope,
    baseFee: 0n,
    congestionFee: 0n,
    expiry: 0n,
  };
  node.ingest({
    ...{ originatorId, sequenceId, topic: topicOf(client).toString("hex") },
    message: {
      unsignedOriginatorEnvelope: encodeUnsigned(fields),
      blockchainProof: { transactionHash: Buffer.from(log.transactionHash.slice(2), "hex") },
    },
  });
  if (isIdentity) noteMembers(node, bytesOf(client, 5)!);
}

/** Wallets that an identity update adds to its inbox. */
function noteMembers(node: StockNode, update: Buffer): void {
  const inboxId = bytesOf(update, 3)!.toString();
  for (const { number, value } of readFields(update)) {
    if (number !== 1 || typeof value === "bigint") continue;
    const created = bytesOf(value, 1);
    const added = bytesOf(value, 2);
    const wallet = created ? bytesOf(created, 1) : added && bytesOf(bytesOf(added, 1) ?? Buffer.alloc(0), 1);
    if (wallet) node.inboxes.set(wallet.toString(), inboxId);
  }
}

function replicate(node: StockNode, originatorId: number, client: grpc.Client, isStopped: () => boolean): void {
  const again = () => setTimeout(() => !isStopped() && replicate(node, originatorId, client, isStopped), 200);
  const methods = client as unknown as Record<string, (request: object) => grpc.ClientReadableStream<Frame>>;
  const lastSeen = { nodeIdToSequenceId: { [originatorId]: String(node.logs.last(originatorId)) } };
  const frames = methods.subscribeOriginators!.call(client, {
    filter: { originatorNodeIds: [originatorId], lastSeen },
  });
  frames.on("data", ({ envelopes }: Frame) => {
    for (const message of envelopes?.envelopes ?? []) {
      const unsigned = message.unsignedOriginatorEnvelope;
      const number = (field: number) => readFields(unsigned).find((one) => one.number === field)!.value as bigint;
      const topic = topicOf(bytesOf(bytesOf(unsigned, 4)!, 1)!).toString("hex");
      node.ingest({ originatorId, sequenceId: number(2), topic, message });
    }
  });
  frames.on("error", () => again());
  frames.on("end", () => again());
}

interface Frame {
  envelopes?: { envelopes: EnvelopeMessage[] } | null;
}
