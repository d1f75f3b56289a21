import type { Clock } from "../../platform/clock.ts";
import { NewestMap } from "../../platform/newestMap.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { logsTree } from "../../protocol/report/leaves.ts";
import type { EntryFinding, EntryProof } from "../../protocol/report/logProofs.ts";
import { readEntryProof } from "../../protocol/report/logProofs.ts";
import type { Report } from "../../protocol/report/report.ts";
import { NO_PARENT, reportDigest } from "../../protocol/report/report.ts";
import { orAborted, withTimeout } from "../async.ts";
import type { Random, RegisteredNode } from "../ports.ts";
import type { ReportsChain, ReportServers } from "./ports.ts";

/** A report that is final on chain, with its ranges. Both are what the digest stands for, whoever served them. */
export interface FinalReport {
  digest: Hex;
  report: Report;
  ranges: readonly LogRange[];
}

/** What a final report has at a sequence id, proved against its root. */
export interface ProvedPlace {
  finding: Exclude<EntryFinding, { kind: "nothing" }>;
  entries: EntryProof["entries"];
}

/** Nobody who was asked served what the digest stands for; `problems` says what each did instead. */
export class NotServedError extends Error {
  override readonly name = "NotServedError";
  readonly digest: Hex;
  readonly problems: readonly string[];

  constructor(digest: Hex, what: string, problems: readonly string[]) {
    const said = problems.length === 0 ? "no node is registered" : problems.join("; ");
    super(`nobody serves ${what} of report ${digest} (${said}): try again later`);
    this.digest = digest;
    this.problems = problems;
  }
}

export interface ReportLibraryOptions {
  chain: ReportsChain;
  servers: ReportServers;
  clock: Clock;
  random: Random;
  chainTimeoutMs: number;
  nodeTimeoutMs: number;
  /** Daemons that are asked for one thing. */
  mostServers: number;
}

/** Reports walked back from the last final one: more than a year of them, and no daemon serves them longer. */
const MOST_STEPS = 1_000;
/** Reports in memory, some kilobytes each. */
const MOST_KEPT = 256;
/** No network has more seats than this. */
const MOST_NODES = 256;

/**
 * Final reports, read from whoever serves them. The chain says which digest is the last final one, its report names its
 * parent, and so on: everything else follows from digests and roots, so that no server has to be believed.
 */
export class ReportLibrary {
  readonly #options: ReportLibraryOptions;
  readonly #kept = new NewestMap<Hex, FinalReport>(MOST_KEPT);
  #latest: Hex | undefined;
  #nodes: RegisteredNode[] = [];

  constructor(options: ReportLibraryOptions) {
    this.#options = options;
  }

  /** Asks the chain which report is the last final one, and who there is. Answers its digest; undefined before the first. */
  async refresh(signal: AbortSignal): Promise<Hex | undefined> {
    const { chain } = this.#options;
    this.#latest = await this.#asked("the last final report", signal, (own) => chain.latestFinal(own));
    this.#nodes = (await this.#asked("the node registry", signal, (own) => chain.nodes(own))).slice(0, MOST_NODES);
    return this.#latest;
  }

  /** The final report in whose range a place lies; undefined when none does. Rejects with NotServedError. */
  async covering(
    { originatorId, sequenceId }: { originatorId: number; sequenceId: bigint },
    signal: AbortSignal,
  ): Promise<{ report: FinalReport; range: LogRange } | undefined> {
    let digest = this.#latest;
    for (let step = 0; digest !== undefined && digest !== NO_PARENT && step < MOST_STEPS; step++) {
      signal.throwIfAborted();
      const report = await this.#report(digest, signal);
      const range = report.ranges.find((one) => one.originatorId === originatorId);
      // Whoever is in a report is in all that follow, and its ranges follow each other: nothing earlier reaches so far.
      if (!range || sequenceId > range.lastSequenceId) return undefined;
      if (sequenceId >= range.firstSequenceId) return { report, range };
      digest = report.report.parent;
    }
    return undefined;
  }

  /** Final reports from the last one back, at most so many. Rejects with NotServedError. */
  async *finals(most: number, signal: AbortSignal): AsyncGenerator<FinalReport> {
    let digest = this.#latest;
    for (let step = 0; digest !== undefined && digest !== NO_PARENT && step < Math.min(most, MOST_STEPS); step++) {
      signal.throwIfAborted();
      const report = await this.#report(digest, signal);
      yield report;
      digest = report.report.parent;
    }
  }

  /** What a report has at a place in one of its ranges. Rejects with NotServedError. */
  place({ digest }: FinalReport, range: LogRange, sequenceId: bigint, signal: AbortSignal): Promise<ProvedPlace> {
    const { servers } = this.#options;
    const { originatorId } = range;
    const what = `${originatorId}:${sequenceId}`;
    return this.#fromAny(digest, what, signal, async ({ httpAddress }, own) => {
      const { entries } = await servers.entry(httpAddress, { digest, originatorId, sequenceId }, own);
      const finding = readEntryProof(range, sequenceId, { entries });
      if (finding.kind === "nothing") throw new Error("its proof proves nothing");
      return { finding, entries };
    });
  }

  async #report(digest: Hex, signal: AbortSignal): Promise<FinalReport> {
    const known = this.#kept.get(digest);
    if (known) return known;
    const { chain, servers } = this.#options;
    const found = await this.#fromAny(digest, "the ranges", signal, async ({ httpAddress }, own) => {
      const { report, ranges } = await servers.report(httpAddress, digest, own);
      const fits = toHex(reportDigest(chain.domain, report)) === digest && logsTree(ranges).root === report.logsRoot;
      if (!fits) throw new Error("it served something else");
      return { digest, report, ranges };
    });
    this.#kept.set(digest, found);
    return found;
  }

  /** The first answer that holds, of some nodes in random order. */
  async #fromAny<T>(
    digest: Hex,
    what: string,
    signal: AbortSignal,
    ask: (node: RegisteredNode, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, mostServers, nodeTimeoutMs, random } = this.#options;
    const problems: string[] = [];
    for (const node of shuffled(this.#nodes, random).slice(0, mostServers)) {
      try {
        return await withTimeout(clock, nodeTimeoutMs, signal, "asking for it", (own) => ask(node, own));
      } catch (error) {
        if (signal.aborted) throw error;
        problems.push(`node ${node.id}: ${(error as Error).message}`);
      }
    }
    throw new NotServedError(digest, what, problems);
  }

  #asked<T>(what: string, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { chainTimeoutMs, clock } = this.#options;
    return withTimeout(clock, chainTimeoutMs, signal, `reading ${what}`, (own) => orAborted(ask(own), own));
  }
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items];
  for (let i = mixed.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!];
  }
  return mixed;
}
