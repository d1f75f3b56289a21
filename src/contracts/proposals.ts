import type { Provider } from "ethers";
import { AbiCoder } from "ethers";

import type { PostageGovernor } from "#typechain";

import type { Hex } from "../protocol/bytes.ts";
import { fromHex } from "../protocol/bytes.ts";
import type { DatedEvent } from "./eventWindow.ts";
import { EventWindow } from "./eventWindow.ts";

/** As the Governor numbers them. */
export const PROPOSAL_STATES = [
  ...(["pending", "active", "canceled", "defeated", "succeeded", "queued", "expired", "executed"] as const),
] as const;
export type ProposalState = (typeof PROPOSAL_STATES)[number];
/** A proposal stays as it is then. */
const ENDED: readonly ProposalState[] = ["canceled", "defeated", "expired", "executed"];

export interface ProposalSummary {
  id: bigint;
  /** The first line of its text. */
  title: string;
  state: ProposalState;
  /** Base units of the stake token. */
  votes: { for: bigint; against: bigint; abstain: bigint };
  /** What for and abstain have to reach. */
  quorum: bigint;
  /** The last second of voting, unix. */
  deadline: bigint;
}

export interface Proposals {
  /** Newest first; of more only the newest. */
  proposals: ProposalSummary[];
  /** Unix seconds from which on none is missing but for those. */
  sinceSeconds: number;
}

export interface ProposalBookOptions {
  postageGovernor: PostageGovernor;
  provider: Pick<Provider, "getBlock" | "getLogs">;
  firstBlock: number;
}

const WINDOW_SECONDS = 60 * 86_400;
const MOST_SHOWN = 10;
const TITLE_LENGTH = 160;
/** Bytes of a text that are looked at for its first line. */
const TITLE_BYTES = 2_000;
/**
 * ProposalCreated(id, proposer, targets, values, signatures, calldatas, voteStart, voteEnd, description). Texts are read as bytes:
 * what is no UTF-8 must not keep others from being read.
 */
const CREATED = ["uint256", "address", "address[]", "uint256[]", "bytes[]", "bytes[]", "uint256", "uint256", "bytes"];

/** What a ProposalCreated event says, in its order. */
export type ProposalCreated = [bigint, string, string[], bigint[], string[], string[], bigint, bigint, Hex];

/** Reads the data of such an event. */
export function readProposalCreated(data: string): ProposalCreated {
  return AbiCoder.defaultAbiCoder().decode(CREATED, data).toArray() as ProposalCreated;
}

interface Created extends DatedEvent {
  id: bigint;
  title: string;
}

/** The newest proposals of the governor. What they say is others' words. */
export class ProposalBook {
  readonly #options: ProposalBookOptions;
  readonly #window: EventWindow<Created>;
  #ended = new Map<bigint, ProposalSummary>();

  constructor(options: ProposalBookOptions) {
    this.#options = options;
    const read = (from: number, to: number) => this.#created(from, to);
    const secondsOf = async (number: number) => (await this.#block(number)).timestamp;
    const { firstBlock } = options;
    this.#window = new EventWindow({ read, secondsOf, firstBlock, windowSeconds: WINDOW_SECONDS, most: MOST_SHOWN });
  }

  /** Reads on. Not for concurrent use. Rejects when the chain does not answer. */
  async read(): Promise<Proposals> {
    const { number, timestamp } = await this.#block("latest");
    const { events, sinceSeconds } = await this.#window.step(number);
    const proposals = await Promise.all(events.toReversed().map((one) => this.#summary(one, BigInt(timestamp))));
    const ended = proposals.filter(({ state }) => ENDED.includes(state));
    this.#ended = new Map(ended.map((one) => [one.id, one]));
    return { proposals, sinceSeconds };
  }

  async #block(tag: number | "latest") {
    const block = await this.#options.provider.getBlock(tag);
    if (!block) throw new Error(`the endpoint does not have block ${tag}`);
    return block;
  }

  async #created(fromBlock: number, toBlock: number): Promise<Created[]> {
    const { postageGovernor, provider } = this.#options;
    const topics = [postageGovernor.interface.getEvent("ProposalCreated").topicHash];
    const address = await postageGovernor.getAddress();
    const logs = (await provider.getLogs({ address, topics, fromBlock, toBlock })).slice(-MOST_SHOWN);
    return Promise.all(
      logs.map(async ({ data, blockNumber }) => {
        const [id, , , , , , , , description] = readProposalCreated(data);
        return { id, title: titleOf(fromHex(description)), at: (await this.#block(blockNumber)).timestamp };
      }),
    );
  }

  async #summary({ id, title }: Created, now: bigint): Promise<ProposalSummary> {
    const known = this.#ended.get(id);
    if (known) return known;
    const { postageGovernor } = this.#options;
    const [state, snapshot, deadline, { forVotes, againstVotes, abstainVotes }] = await Promise.all([
      postageGovernor.state(id),
      postageGovernor.proposalSnapshot(id),
      postageGovernor.proposalDeadline(id),
      postageGovernor.proposalVotes(id),
    ]);
    const quorum = await postageGovernor.quorum(snapshot < now ? snapshot : now - 1n);
    return {
      ...{ id, title, state: PROPOSAL_STATES[Number(state)]!, quorum, deadline },
      votes: { for: forVotes, against: againstVotes, abstain: abstainVotes },
    };
  }
}

/** Text of others, without what could write over other words or turn them round. Lines stay. */
export const printable = (text: string): string => text.replace(/(?!\n)\p{Cc}|\p{Cf}/gu, "?");

/** The first line that says something, as plain text; empty when none does. */
export function titleOf(description: Uint8Array): string {
  const text = new TextDecoder().decode(description.subarray(0, TITLE_BYTES));
  const lines = text.split(/[\n\r\u2028\u2029]/).map((line) => printable(line.replace(/^[\s#]+/, "")).trim());
  const letters = [...(lines.find((line) => line !== "") ?? "")];
  return letters.length <= TITLE_LENGTH ? letters.join("") : `${letters.slice(0, TITLE_LENGTH).join("")}…`;
}
