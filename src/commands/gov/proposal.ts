import { keccak256 } from "ethers";

import type { Address, Hex } from "../../protocol/bytes.ts";
import { fromHex, toAddress } from "../../protocol/bytes.ts";
import { callOf } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { ProposalState } from "../../contracts/proposals.ts";
import { PROPOSAL_STATES, readProposalCreated } from "../../contracts/proposals.ts";
import { queryInSpans } from "../../contracts/queryInSpans.ts";
import type { Call } from "../core/plan.ts";
import { moment } from "../core/time.ts";

/** One call that a proposal makes, as the Timelock. */
export interface ProposedCall {
  target: Address;
  data: Hex;
  value: bigint;
}

export interface Proposal {
  id: bigint;
  proposer: Address;
  calls: ProposedCall[];
  /** As far as it is a text. */
  description: string;
  /** Of its bytes, whatever they are: the Governor knows the proposal by it. */
  descriptionHash: Hex;
}

/** Where a proposal is, unix seconds. */
export interface Standing {
  state: ProposalState;
  now: bigint;
  /** Votes count that are held in this second; voting begins after it. */
  snapshot: bigint;
  /** The last second of voting. */
  deadline: bigint;
  /** From when it can be executed: of one that is not queued, at the earliest. */
  executableAt: bigint;
}

/** All proposals there ever were, in their order. */
export async function readProposals({ contracts, provider, record }: Context): Promise<Proposal[]> {
  const { postageGovernor } = contracts;
  const { address } = record.contracts.postageGovernor;
  const topics = [postageGovernor.interface.getEvent("ProposalCreated").topicHash];
  const query = (fromBlock: number, toBlock: number) => provider.getLogs({ address, topics, fromBlock, toBlock });
  const logs = await queryInSpans(query, record.deploymentBlock, await provider.getBlockNumber());
  return logs.map(({ data }) => {
    const [id, proposer, targets, values, , calldatas, , , bytes] = readProposalCreated(data);
    const description = new TextDecoder().decode(fromHex(bytes));
    const calls = targets.map((target, i) => ({
      target: toAddress(target),
      data: calldatas[i] as Hex,
      value: values[i]!,
    }));
    return { id, proposer: toAddress(proposer), calls, description, descriptionHash: keccak256(bytes) as Hex };
  });
}

/** Throws CommandError `unknown_proposal`. */
export async function readProposal(context: Context, id: bigint): Promise<Proposal> {
  const proposals = await readProposals(context);
  const found = proposals.find((proposal) => proposal.id === id);
  if (found) return found;
  const known = proposals.length === 0 ? "none was made yet" : "`gov show` lists all there are";
  throw new CommandError("unknown_proposal", `there is no proposal ${id}: ${known}; check --deployment and the id`);
}

export async function readStanding(context: Context, id: bigint): Promise<Standing> {
  const { postageGovernor, timelock } = context.contracts;
  const [now, state, snapshot, deadline, eta, delay] = await Promise.all([
    chainNow(context),
    postageGovernor.state(id),
    postageGovernor.proposalSnapshot(id),
    postageGovernor.proposalDeadline(id),
    postageGovernor.proposalEta(id),
    timelock.getMinDelay(),
  ]);
  const queuedAt = now > deadline ? now : deadline + 1n;
  return {
    state: PROPOSAL_STATES[Number(state)]!,
    now,
    snapshot,
    deadline,
    executableAt: eta > 0n ? eta : queuedAt + delay,
  };
}

/** A call of the Governor that names a proposal by what it does. */
export function actOn({ contracts, record }: Context, act: "queue" | "execute", proposal: Proposal): Call {
  const { calls, descriptionHash } = proposal;
  const args = [calls.map(({ target }) => target), calls.map(({ value }) => value), calls.map(({ data }) => data)];
  const { interface: abi } = contracts.postageGovernor;
  return callOf(record.contracts.postageGovernor.address, abi, act, [...args, descriptionHash]);
}

/** A state in words, with when it changes. */
export function stateInWords({ state, now, snapshot, deadline, executableAt }: Standing): string {
  switch (state) {
    case "pending":
      return `announced: voting begins after ${moment(snapshot, now)}`;
    case "active":
      return `being voted on until ${moment(deadline, now)}`;
    case "canceled":
      return "cancelled, for good";
    case "defeated":
      return `defeated, for good: voting ended ${moment(deadline, now)}`;
    case "succeeded":
      return "passed, and has to be queued";
    case "queued":
      return now < executableAt
        ? `queued: it can be executed from ${moment(executableAt, now)}`
        : "queued, and can be executed";
    case "expired":
      return "expired, for good";
    case "executed":
      return "executed";
  }
}

/** What to do next, in a sentence. */
export function nextStep(id: bigint, { state, now, snapshot, deadline, executableAt }: Standing): string {
  switch (state) {
    case "pending":
      return `Delegate what you hold before ${moment(snapshot, now)}, then vote: gov vote ${id} --for, --against or --abstain`;
    case "active":
      return `Vote by ${moment(deadline, now)}: gov vote ${id} --for, --against or --abstain`;
    case "succeeded":
      return `Anybody can queue it: gov queue ${id}`;
    case "queued":
      return `Anybody can execute it${now < executableAt ? ` from ${moment(executableAt, now)}` : ""}: gov execute ${id}`;
    case "executed":
      return "There is nothing left to do.";
    case "canceled":
    case "defeated":
    case "expired":
      return "Nothing comes of it any more; the same calls can be proposed again with another description.";
  }
}

/** Why something cannot be done with a proposal now, and when it can. */
export function stateProblem(id: bigint, act: "vote" | "queue" | "execute", standing: Standing): CommandError[] {
  const { state, now, snapshot, deadline, executableAt } = standing;
  const wanted = { vote: "active", queue: "succeeded", execute: "queued" }[act];
  if (state === wanted && (act !== "execute" || now >= executableAt)) return [];
  const early = { vote: snapshot + 1n, queue: deadline + 1n, execute: executableAt }[act];
  const order = ["pending", "active", "succeeded", "queued"];
  const isAhead = order.includes(state) && order.indexOf(state) <= order.indexOf(wanted);
  const when = isAhead
    ? `${act === "vote" ? "votes count" : `it can be ${act}d`}${act === "vote" ? "" : ", if it passes,"} from ${moment(early, now)}`
    : act === "vote"
      ? `votes counted until ${moment(deadline, now)}`
      : "it cannot any more";
  const problem = `proposal ${id} is ${stateInWords(standing)}. To ${act} is too ${isAhead ? "early" : "late"}: ${when}`;
  const args = { state, ...(isAhead ? { worksAt: early } : {}) };
  return [new CommandError("wrong_state", `${problem}. ${nextStep(id, standing)}`, { args })];
}

/** A proposal's id: decimal, or 0x and hex. */
export function parseProposalId(text: string): bigint {
  if (/^(\d{1,78}|0x[0-9a-fA-F]{1,64})$/.test(text)) {
    const id = BigInt(text);
    if (id < 2n ** 256n) return id;
  }
  throw new CommandError("bad_number", `"${text}" is not a proposal's id: copy the number that \`gov show\` lists`);
}
