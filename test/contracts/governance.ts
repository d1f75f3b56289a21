import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { id } from "ethers";

import type { DeploymentParameters } from "../../src/deployment/parameters.ts";
import type { World } from "./fixtures.ts";
import { TOKEN, deployedWorld, registerNode } from "./fixtures.ts";

/** As the Governor numbers them. */
export const State = {
  pending: 0n,
  active: 1n,
  canceled: 2n,
  defeated: 3n,
  succeeded: 4n,
  queued: 5n,
  executed: 7n,
};
export const Vote = { against: 0n, for: 1n, abstain: 2n };

/** One call that a proposal makes. */
export interface Call {
  target: { getAddress(): Promise<string> };
  data: string;
}

export interface Proposal {
  id: bigint;
  targets: string[];
  values: bigint[];
  calldatas: string[];
  descriptionHash: string;
}

/**
 * A network whose accounts vote: the operator with what it has staked in node 100 and nothing else, the funder with what
 * it holds, the stranger not at all. The deployer is the guardian's keyholder.
 */
export async function votingWorld(changes: Partial<DeploymentParameters> = {}): Promise<World> {
  const world = await deployedWorld(changes);
  const { postageToken, funder, operator, nodeStaking } = world;
  await postageToken.connect(funder).delegate(funder);
  await registerNode(world, 0, operator.address);
  await nodeStaking.connect(operator).stake(100n, 30_000_000n * TOKEN);
  await world.net.networkHelpers.time.increase(1);
  return world;
}

/** What a proposal of some calls is, before anybody makes it. */
export async function proposalOf({ postageGovernor }: World, calls: Call[], description: string): Promise<Proposal> {
  const targets = await Promise.all(calls.map(({ target }) => target.getAddress()));
  const values = calls.map(() => 0n);
  const calldatas = calls.map(({ data }) => data);
  const descriptionHash = id(description);
  const proposalId = await postageGovernor.hashProposal(targets, values, calldatas, descriptionHash);
  return { id: proposalId, targets, values, calldatas, descriptionHash };
}

export async function propose(
  world: World,
  proposer: HardhatEthersSigner,
  calls: Call[],
  description = "a change",
): Promise<Proposal> {
  const proposal = await proposalOf(world, calls, description);
  const { targets, values, calldatas } = proposal;
  await world.postageGovernor.connect(proposer).propose(targets, values, calldatas, description);
  return proposal;
}

/** Moves time to the first second in which votes are cast. */
export async function toVote({ postageGovernor, net }: World, { id: proposal }: Proposal): Promise<void> {
  await net.networkHelpers.time.increaseTo((await postageGovernor.proposalSnapshot(proposal)) + 1n);
}

/** Moves time to the first second after the vote. */
export async function toEnd({ postageGovernor, net }: World, { id: proposal }: Proposal): Promise<void> {
  await net.networkHelpers.time.increaseTo((await postageGovernor.proposalDeadline(proposal)) + 1n);
}

/** A call of the Governor that names a proposal by what it does. */
export function act(
  { postageGovernor }: World,
  from: HardhatEthersSigner,
  name: "queue" | "execute" | "cancel",
  { targets, values, calldatas, descriptionHash }: Proposal,
) {
  return postageGovernor.connect(from)[name](targets, values, calldatas, descriptionHash);
}

/** Queues a proposal that passed, and waits until it can be executed. */
export async function queue(world: World, proposal: Proposal): Promise<void> {
  await act(world, world.stranger, "queue", proposal);
  await world.net.networkHelpers.time.increaseTo(await world.postageGovernor.proposalEta(proposal.id));
}

/** Has the funder propose and vote, up to the last step before execution. */
export async function passed(world: World, calls: Call[], description?: string): Promise<Proposal> {
  const proposal = await propose(world, world.funder, calls, description);
  await toVote(world, proposal);
  await world.postageGovernor.connect(world.funder).castVote(proposal.id, Vote.for);
  await toEnd(world, proposal);
  await queue(world, proposal);
  return proposal;
}

/** Has a vote do something. */
export async function voted(world: World, calls: Call[], description?: string): Promise<void> {
  await act(world, world.stranger, "execute", await passed(world, calls, description));
}

/** Lets somebody cancel as the guardian does. */
export function cancelAsKeyholder(
  { guardian, deployer }: World,
  { targets, values, calldatas, descriptionHash }: Proposal,
) {
  return guardian.connect(deployer).cancel(targets, values, calldatas, descriptionHash);
}
