import { readFileSync } from "node:fs";

import { ConnectError } from "@connectrpc/connect";

import { welcomeEnvelope, welcomeMessage } from "../../test/support/envelopes.ts";
import { connectGrpcNode } from "../../src/client/adapters/grpcNode.ts";
import { httpStampDaemons } from "../../src/client/adapters/httpStampDaemons.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import type { LocalNetwork, LocalNode } from "../local/localNetwork.ts";
import { waitUntilQuiet } from "./money.ts";
import { publish } from "./publish.ts";
import type { Met } from "./strangers.ts";
import { until } from "./until.ts";

const ANSWER_MS = 10_000;

export interface Refusal {
  nodeId: number;
  device: Hex;
  /** What the node said; `accepted` when it took it. */
  code: string;
}

/** What becomes of what Sam sends after the block. */
export interface RefusedStory {
  takenBy: number[];
  /** Whether his stock client could add Rita to a group. */
  isInvited: boolean;
  /** Conversations of Rita's devices before and after it. */
  conversations: { before: number[]; after: number[] };
  /** What his app's gateway says to a welcome; empty when it took it. */
  byGateway: string;
  byNodes: Refusal[];
  /** Picodollars that all apps used, before and after. */
  usage: { before: bigint; after: bigint };
}

/** Rita blocks Sam's app, by one signed line; then he writes again in all the ways there are. */
export async function refuse(network: LocalNetwork, met: Met, progress: (text: string) => void): Promise<RefusedStory> {
  const { people, stamps, apps, inboxId, devices } = met;
  const conversations = async () => {
    return [await people.call<number>("count", "rita"), await people.call<number>("count", "tablet")];
  };
  const before = { conversations: await conversations(), usage: await waitUntilQuiet(network) };
  const { takenBy } = await stamps.block({ payer: apps.sam.channel });
  await untilBlocked(network, stamps.inboxId);
  progress(
    `Rita blocks Sam's app: nodes ${[...takenBy].sort((a, b) => a - b).join(", ")} took her signed line, and the block is known to all`,
  );
  const isInvited = await people.call("invite", "sam", inboxId).then(
    () => true,
    () => false,
  );
  progress(`Sam invites her to a group: ${isInvited ? "it works" : "his stock client cannot"}`);
  const byGateway = await saidByGateway(apps.sam.gateway.url, devices[0]!);
  progress(`his app's gateway says: ${byGateway || "nothing"}`);
  const byNodes = await saidByNodes(network.nodes, met);
  const count = byNodes.filter(({ code }) => code === "sender_blocked").length;
  progress(`past the gateway, at each node and for each of her devices: refused ${count} times of ${byNodes.length}`);
  const after = { conversations: await conversations(), usage: await waitUntilQuiet(network) };
  return {
    ...{ takenBy, isInvited, byGateway, byNodes },
    conversations: { before: before.conversations, after: after.conversations },
    usage: { before: before.usage, after: after.usage },
  };
}

async function untilBlocked({ nodes }: LocalNetwork, inbox: Hex): Promise<void> {
  await until("every node knows of the block", async () => {
    const blocks = nodes.map(({ url }) => httpStampDaemons.blocks(url, inbox, AbortSignal.timeout(ANSWER_MS)));
    return (await Promise.all(blocks)).every(({ length }) => length > 0);
  });
}

async function saidByGateway(gatewayUrl: string, device: Hex): Promise<string> {
  return publish(gatewayUrl, welcomeMessage(1, device)).then(
    () => "",
    (error: unknown) => ConnectError.from(error).rawMessage,
  );
}

async function saidByNodes(nodes: readonly LocalNode[], { apps, devices }: Met): Promise<Refusal[]> {
  const { gateway, postageKeyFile } = apps.sam;
  const postageKey = fromHex(readFileSync(postageKeyFile, "utf8").trim());
  const { row } = (await (await fetch(`${gateway.url}/voucher`)).json()) as { row: Hex };
  const refusals: Refusal[] = [];
  for (const { nodeId, url } of nodes) {
    const client = connectGrpcNode({ id: nodeId, httpAddress: url });
    for (const [i, device] of devices.entries()) {
      const envelope = welcomeEnvelope(i + 2, device, postageKey, nodeId);
      const outcome = await client.publish([envelope], fromHex(row), AbortSignal.timeout(ANSWER_MS));
      const code = outcome.kind === "refused" ? outcome.demand?.code : undefined;
      refusals.push({ nodeId, device, code: code ?? outcome.kind });
    }
    client.close();
  }
  return refusals;
}

/** Everything that has to be so and is not; empty when nothing of it came through, and none of it cost anything. */
export function cameThrough(story: RefusedStory, nodeIds: readonly number[]): string[] {
  const { isInvited, conversations, byGateway, byNodes, usage } = story;
  const problems: string[] = [];
  if (isInvited) problems.push("Sam's client could add Rita to a group");
  if (conversations.after.join() !== conversations.before.join())
    problems.push(
      `Rita's devices had ${conversations.before.join()} conversations, and now ${conversations.after.join()}`,
    );
  if (!byGateway.includes("blocks this sender")) problems.push(`Sam's gateway said "${byGateway}"`);
  if (byNodes.length !== 2 * nodeIds.length) problems.push(`${byNodes.length} answers of nodes`);
  for (const { nodeId, code } of byNodes) {
    if (code !== "sender_blocked") problems.push(`node ${nodeId} said ${code} to Sam`);
  }
  if (usage.after !== usage.before) problems.push(`usage was ${usage.before} picodollars and is now ${usage.after}`);
  return problems;
}
