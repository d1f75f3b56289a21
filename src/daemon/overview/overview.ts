import type { Clock } from "../../platform/clock.ts";
import type { Storage } from "../../platform/storage.ts";
import type { Verdict } from "../../platform/watch.ts";
import { stuckLoops, verdict } from "../../platform/watch.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { Beats } from "../../platform/beats.ts";
import type { FaultWatch } from "../faults/faultWatch.ts";
import type { HighWater } from "../highWater.ts";
import type { DaemonChain, DaemonStore, RegisteredNode } from "../ports.ts";
import type { Reports } from "../reports/openReports.ts";
import type { RunReport, SettlePolicy } from "../settle.ts";
import type { TransactionManager } from "../transactions/manager.ts";
import type { Lane } from "../transactions/ports.ts";
import type { Stamps } from "../stamps/openStamps.ts";
import type { Watch } from "../watch.ts";
import type { Books, ChannelLine } from "./books.ts";
import { readBooks } from "./books.ts";
import { readinessOf } from "./health.ts";
import { whyNotSettled } from "./whyNot.ts";

/** Sums over all accounts are read at most so often, whoever asks; deadlines too, which cost a call. */
const BOOKS_MS = 15_000;
/** What has a deadline may cost up to half of what it saves. */
const DEADLINE_BPS = 5_000n;
const SHOWN_DEADLINES = 5;

export interface OverviewSources {
  nodeId: number;
  policy: SettlePolicy;
  clock: Clock;
  beats: Beats;
  store: Pick<DaemonStore, "ledger" | "evidence">;
  chain: Pick<DaemonChain, "channels">;
  watch: Pick<Watch, "status" | "doubt" | "nodes" | "clockOffSeconds">;
  highWater: Pick<HighWater, "status">;
  settleReports: () => Readonly<Partial<Record<Lane, RunReport>>>;
  transactions: Pick<TransactionManager, "status"> | undefined;
  faults: Pick<FaultWatch, "status"> | undefined;
  reports: Pick<Reports, "status"> | undefined;
  stamps: Pick<Stamps, "status"> | undefined;
  storage: (() => Promise<Storage>) | undefined;
  /** Whether the node's log was metered to its end. */
  isMetered: () => boolean;
}

export interface Deadline extends ChannelLine {
  /** Unix seconds of the chain; undefined when the chain did not say. */
  withdrawableAt: bigint | undefined;
}

type Sums = Books & { deadlines: Deadline[] };

/** What an operator wants to know, on one screen. */
export class Overview {
  readonly #sources: OverviewSources;
  #sums: { at: number; read: Promise<Sums> } | undefined;

  constructor(sources: OverviewSources) {
    this.#sources = sources;
  }

  health(): Verdict {
    return verdict(stuckLoops(this.#sources.beats));
  }

  async ready(): Promise<Verdict> {
    const { watch, highWater, isMetered } = this.#sources;
    const doubt = watch.doubt();
    // Whoever only asks whether all is well costs no read.
    const chain = doubt >= 1 ? await watch.status() : undefined;
    const chainProblem = chain?.broken ?? chain?.problem;
    return readinessOf({
      ...{ isMetered: isMetered(), highWater: highWater.status(), doubt, chainProblem },
    });
  }

  async read() {
    const { nodeId, policy, clock, beats, watch, highWater, transactions, faults, reports, stamps, store, storage } =
      this.#sources;
    const [ready, chain, sums, evidenceOpen, faultStatus, reportStatus, stampStatus, disk] = await Promise.all([
      this.ready(),
      watch.status(),
      this.#readSums(),
      store.evidence.open().then(({ length }) => length),
      faults?.status(),
      reports?.status(),
      stamps?.status(),
      storage?.().catch(() => undefined),
    ]);
    const { deadlines, channels, exposure, unsettled, used, signed, settled, deposited, largest, leavingChannels } =
      sums;
    return {
      ...{ nodeId, now: clock.now(), health: this.health(), ready },
      chain: { ...chain, doubt: watch.doubt(), clockOffSeconds: watch.clockOffSeconds },
      seats: seatsOf(watch.nodes, nodeId),
      exposureCap: policy.exposureCap,
      books: { channels, exposure, unsettled, used, signed, settled, deposited, largest, leavingChannels },
      deadlines: deadlines.slice(0, SHOWN_DEADLINES),
      settlement: this.#settlement(),
      transactions: transactions?.status(),
      reports: reportStatus ?? null,
      stamps: stampStatus ?? null,
      faults: { accused: faultStatus?.accused ?? null, open: evidenceOpen },
      highWater: highWater.status(),
      loops: beats.status(),
      disk,
    };
  }

  #settlement() {
    const { policy, settleReports } = this.#sources;
    const reports = settleReports();
    const of = (lane: Lane, mostBps: bigint) => ({
      lane,
      ...{ lastRun: reports[lane], whyNot: whyNotSettled(reports[lane], mostBps) },
    });
    return [of("routine", policy.maxGasBps), of("deadline", DEADLINE_BPS)];
  }

  #readSums(): Promise<Sums> {
    const now = this.#sources.clock.elapsed();
    if (this.#sums && now - this.#sums.at < BOOKS_MS) return this.#sums.read;
    const read = this.#sumUp();
    this.#sums = { at: now, read };
    read.catch(() => (this.#sums = undefined));
    return read;
  }

  async #sumUp(): Promise<Sums> {
    const { store, chain } = this.#sources;
    const books = await readBooks(store.ledger);
    const channels = books.leaving.map(({ channel }) => channel);
    const times = await deadlinesOf(chain, channels).catch(() => new Map<Address, bigint>());
    const deadlines = books.leaving
      .map((line) => ({ ...line, withdrawableAt: times.get(line.channel) }))
      .sort((a, b) => Number((a.withdrawableAt ?? 0n) - (b.withdrawableAt ?? 0n)));
    return { ...books, deadlines };
  }
}

export type OverviewData = Awaited<ReturnType<Overview["read"]>>;

async function deadlinesOf(chain: Pick<DaemonChain, "channels">, channels: Address[]): Promise<Map<Address, bigint>> {
  if (channels.length === 0) return new Map();
  const states = await chain.channels(channels);
  return new Map(states.flatMap(({ withdrawableAt }, i) => (withdrawableAt ? [[channels[i]!, withdrawableAt]] : [])));
}

function seatsOf(nodes: readonly RegisteredNode[], nodeId: number) {
  const own = nodes.find((node) => node.nodeId === nodeId);
  return { nodes: nodes.length, active: nodes.filter(({ isCanonical }) => isCanonical).length, own: own ?? null };
}
