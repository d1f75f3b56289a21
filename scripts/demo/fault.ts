import { fileURLToPath } from "node:url";

import { groupMessage } from "../../test/support/envelopes.ts";
import type { LocalNetwork, LocalNode } from "../local/localNetwork.ts";
import { groupOf, publish } from "./publish.ts";
import { until } from "./until.ts";

const EQUIVOCATOR = fileURLToPath(new URL("./equivocator.ts", import.meta.url));
const REVEAL_AFTER_SECONDS = 61;

/** One tale of a node that was caught. Amounts are base units of the stake token. */
export interface FaultStory {
  node: number;
  sequenceId: bigint;
  caseId: bigint;
  reporter: { node: number; account: string; paid: bigint };
  stake: { before: bigint; slashed: bigint; after: bigint; bounty: bigint; treasury: bigint };
  wasFrozen: boolean;
  isFrozen: boolean;
  hadSeat: boolean;
  hasSeat: boolean;
}

interface Finding {
  state: string;
  reason?: string;
  nodeId: number;
  sequenceId: string;
  caseId?: string;
}

/**
 * A fourth node joins, tells two stories under one sequence id, and is caught by another node's daemon. The chain's clock
 * is moved by an epoch, the appeal window, and another epoch.
 */
export async function catchLiar(network: LocalNetwork, progress: (text: string) => void): Promise<FaultStory> {
  const { contracts, chain, nodes: honest } = network;
  const { nodeRegistry, nodeSeats, nodeStaking, faultProofs, postageToken } = contracts;
  const liar = await network.addNode(EQUIVOCATOR);
  const { nodeId: node } = liar;
  const epochSeconds = Number(await nodeSeats.epochSeconds());
  const before = await nodeStaking.slashableOf(node);
  await chain.increaseTime(epochSeconds);
  const hadSeat = await nodeRegistry.isCanonical(node);
  progress(`node ${node} joined: its stake is ${tokens(before)}, its seat begins`);

  const sequenceId = await sendThrough(network, liar);
  progress(`it carries a message, and signs it twice: one node gets another time than the next`);
  await findings(honest, node, (all) => all.some(({ state }) => state === "committed"));
  progress(`a daemon compared its log with another node's, kept both envelopes, and committed to them`);

  await chain.increaseTime(REVEAL_AFTER_SECONDS);
  // The others find it too, are later, and give up.
  const isRevealed = ({ state }: Finding) => state === "revealed";
  await findings(
    honest,
    node,
    (all) => all.filter(isRevealed).length === 1 && all.every((one) => isRevealed(one) || one.state === "givenUp"),
  );
  const caseId = await faultProofs.caseOf(node, sequenceId);
  const wasFrozen = await nodeStaking.isFrozen(node);
  const { executableAt, reporter: account } = await faultProofs.getCase(caseId);
  progress(`it revealed: case ${caseId}, node ${node}'s stake is frozen, the guardian has ${await days(network)} days`);

  const treasuryAccount = await nodeStaking.treasury();
  const treasuryBefore = await nodeStaking.creditOf(treasuryAccount);
  const { timestamp } = (await chain.provider.getBlock("latest"))!;
  await chain.increaseTime(Number(executableAt) - timestamp + 1);
  const found = await findings(honest, node, (all) => all.some(({ state }) => state === "paid"));
  const reporter = honest[found.findIndex(({ state }) => state === "paid")]!;
  const after = await nodeStaking.slashableOf(node);
  const executed = (await faultProofs.queryFilter(faultProofs.filters.CaseExecuted(caseId)))[0];
  const { slashed, bounty } = executed!.args;
  const treasury = (await nodeStaking.creditOf(treasuryAccount)) - treasuryBefore;
  const paid = await postageToken.balanceOf(reporter.payout);
  const isFrozen = await nodeStaking.isFrozen(node);
  progress(`nobody dismissed it: ${tokens(slashed)} of ${tokens(before)} slashed, ${tokens(after)} left`);
  progress(`node ${reporter.nodeId}, which reported, got ${tokens(paid)}, the treasury ${tokens(treasury)}`);

  await chain.increaseTime(epochSeconds);
  const hasSeat = await nodeRegistry.isCanonical(node);
  progress(hasSeat ? `node ${node} still has its seat` : `the next epoch began without node ${node}'s seat`);
  return {
    ...{ node, sequenceId, caseId, wasFrozen, isFrozen, hadSeat, hasSeat },
    reporter: { node: reporter.nodeId, account, paid },
    stake: { before, slashed, after, bounty, treasury },
  };
}

/** Everything that has to be so and is not; empty when the liar was caught as the rules say. */
export function missing(story: FaultStory): string[] {
  const { node, caseId, wasFrozen, isFrozen, hadSeat, hasSeat, reporter, stake } = story;
  const problems: string[] = [];
  const require = (what: string, isSo: boolean) => {
    if (!isSo) problems.push(what);
  };
  require("there was no case", caseId > 0n);
  require(`node ${node} had no seat to lose`, hadSeat);
  require(`node ${node} was not frozen while the case was open`, wasFrozen);
  require(`node ${node} is still frozen`, !isFrozen);
  require(`node ${node} still has its seat`, !hasSeat);
  require("a first equivocation costs 1 %", stake.slashed > 0n && stake.slashed === stake.before / 100n);
  require("what is left is what was there less the slash", stake.after === stake.before - stake.slashed);
  require("a fifth is the reporter's, the rest the treasury's", stake.bounty === stake.slashed / 5n);
  require("the treasury got the rest", stake.treasury === stake.slashed - stake.bounty);
  require(`node ${reporter.node} was not paid its bounty`, reporter.paid === stake.bounty);
  return problems;
}

/** Sends a message, paid for like any other, whose topic belongs to the node. Answers its sequence id. */
async function sendThrough({ gateway, nodes }: LocalNetwork, { nodeId, url }: LocalNode): Promise<bigint> {
  const ids = [...nodes.map((node) => node.nodeId), nodeId];
  // A node that cannot reach it yet would take the other's copy, and nobody could be told two stories.
  await until("every node replicates the new one's log", async () => {
    return Number(await (await fetch(`${url}/listeners`)).text()) >= nodes.length;
  });
  await until("the gateway knows the node", async () => {
    const status = (await (await fetch(`${gateway.url}/status`)).json()) as {
      nodes: { id: number; isAvailable: boolean }[];
    };
    return ids.every((id) => status.nodes.some((node) => node.id === id && node.isAvailable));
  });
  const group = groupOf(nodeId, ids);
  const { originatorId, sequenceId } = await publish(gateway.url, groupMessage(1, { group }));
  if (originatorId !== nodeId) throw new Error(`node ${originatorId} took the message that was meant for ${nodeId}`);
  return sequenceId;
}

/** What each daemon knows of the node's fault, in the order of the daemons, once it is as expected. */
async function findings(
  daemons: readonly LocalNode[],
  nodeId: number,
  isExpected: (all: Finding[]) => boolean,
): Promise<Finding[]> {
  const none: Finding = { state: "none", nodeId, sequenceId: "" };
  let found: Finding[] = [];
  await until("the daemons bring the evidence further", async () => {
    found = await Promise.all(
      daemons.map(async ({ operatorUrl }) => {
        const { faults } = (await (await fetch(`${operatorUrl}/status`)).json()) as { faults: { evidence: Finding[] } };
        return faults.evidence.find((one) => one.nodeId === nodeId) ?? none;
      }),
    );
    return isExpected(found);
  }).catch((error: Error) => {
    throw new Error(`${error.message}: they say ${found.map(({ state, reason }) => reason ?? state).join(", ")}`);
  });
  return found;
}

async function days({ contracts }: LocalNetwork): Promise<bigint> {
  return (await contracts.faultProofs.appealSeconds()) / 86_400n;
}

function tokens(units: bigint): string {
  const [whole, rest] = [units / 10n ** 18n, units % 10n ** 18n];
  const decimals = rest.toString().padStart(18, "0").replace(/0+$/, "");
  return `${whole}${decimals ? `.${decimals}` : ""} tokens`;
}
