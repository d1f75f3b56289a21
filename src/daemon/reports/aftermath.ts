import type { Hex } from "../../protocol/bytes.ts";
import { NO_PARENT } from "../../protocol/report/report.ts";
import { placeInTurn } from "../turns.ts";
import type { ReporterOptions } from "./options.ts";
import { contentsOf } from "./parents.ts";
import type { ReportContents, ReportStanding, ReportSummary } from "./ports.ts";
import { owedOf } from "./stamps/stampRows.ts";
import { ceilingRowsOf } from "./vouchers.ts";

/** A year after finality nobody can ask for a leaf any more. */
const SERVED_SECONDS = 365n * 86_400n;
/** Reports that never came on chain are of no use to anybody after so many epochs. */
const KEPT_EPOCHS = 20n;
/** Reports that are looked at in one step: what is final is looked at until it is announced. */
const LOOKED_AT = 32;
/** Dropped in one step. */
const DROPPED = 16;
/** Fetched from peers in one step: a whole report can be large. What is nearly a year old is not worth it. */
const FETCHED = 16;
const FETCHED_SECONDS = 330n * 86_400n;
/** A year has some 730 reports. */
const MOST_WALKED = 1_000;
const ACCEPTED_EPOCHS = 3n;
const TURN_SECONDS = 60n;
/** What is charged later after finality comes into no pot. */
const POT_SECONDS = 3n * 86_400n;

/** What becomes of reports once they are on chain: final, applied, announced, and after a year forgotten. */
export class Aftermath {
  readonly #options: ReporterOptions;
  /** Final, applied, charged and announced: nothing becomes of them any more. */
  readonly #done = new Set<string>();
  /** Whose stamps this daemon has seen charged. */
  readonly #charged = new Set<string>();
  /** Brought on chain by this daemon: it charges first. */
  readonly #submitted = new Set<string>();
  /** A report from which on back to the first all are in the store. */
  #completeTo: Hex | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  noteSubmitted(digest: Hex): void {
    this.#submitted.add(digest);
  }

  async step(): Promise<void> {
    const { chain, store, log } = this.#options;
    const [now, length] = await Promise.all([chain.now(), chain.epochSeconds()]);
    await this.#complete(now, length).catch((error: unknown) => {
      log.info({ error: String(error) }, "reports that this node missed are fetched later");
    });
    for (const summary of await store.latest(LOOKED_AT)) {
      if (this.#done.has(summary.digest) || summary.state === "void") continue;
      const standing = await chain.standing(summary.digest);
      await this.#note(summary, standing, now);
      // It is accepted within two epochs or never.
      if (standing.status === "unknown" && summary.epoch + ACCEPTED_EPOCHS < now / length)
        this.#done.add(summary.digest);
      if (standing.status !== "accepted" || now < standing.finalAt) continue;
      // One that fails, because another daemon was faster, does not keep the others waiting.
      await this.#finish(summary, standing, now).catch((error: unknown) => {
        log.info({ digest: summary.digest, error: String(error) }, "a final report is looked at again later");
      });
    }
    await this.#drop(now);
  }

  /**
   * Every daemon serves every report: those of epochs in which this node was away it gets from peers. Goes back from the
   * head by what each report names as its parent, so that nobody is believed.
   */
  async #complete(now: bigint, length: bigint): Promise<void> {
    const { chain, store, log } = this.#options;
    const head = await chain.head();
    let digest = head.length === 0n ? NO_PARENT : head.digest;
    for (let [walked, fetched] = [0, 0]; walked < MOST_WALKED; walked++) {
      if (digest === NO_PARENT || digest === this.#completeTo) break;
      let summary = await store.summary(digest);
      if (!summary) {
        if (fetched++ === FETCHED) return;
        await contentsOf(this.#options, digest);
        summary = (await store.summary(digest))!;
        await this.#note(summary, await chain.standing(digest), now);
        log.info({ digest, epoch: summary.epoch }, "got a report that was agreed on without this node");
      }
      if ((summary.epoch + 1n) * length + FETCHED_SECONDS < now) break;
      digest = summary.parent;
    }
    this.#completeTo = head.length === 0n ? undefined : head.digest;
  }

  async #note({ digest, state, finalAt }: ReportSummary, standing: ReportStanding, now: bigint): Promise<void> {
    const { store, log } = this.#options;
    if (standing.status === "unknown") return;
    const isVoid = standing.status !== "accepted";
    const next = isVoid ? "void" : now >= standing.finalAt ? "final" : "accepted";
    if (next === state && (isVoid || finalAt === standing.finalAt)) return;
    await store.change(digest, { state: next, ...(isVoid ? {} : { finalAt: standing.finalAt }) });
    log.info({ digest, state: next }, "a report changed its standing");
  }

  /** By turns, each when it is worth its gas. */
  async #finish({ digest }: ReportSummary, standing: ReportStanding, now: bigint): Promise<void> {
    const { store, chain, log } = this.#options;
    const contents = await store.get(digest);
    if (!contents) return;
    const { report, debits, ranges } = contents;
    const hasPenalties = debits.length > 0 || report.absentSeats !== 0n;
    const isApplied = standing.hasPenaltiesApplied || !hasPenalties;
    const wait = this.#waitSeconds(report.epoch);
    const turnAt = standing.finalAt + (this.#submitted.has(digest) ? 0n : wait);
    const isLate = now >= standing.finalAt + POT_SECONDS;
    const isCharged = isLate || (await this.#charge(digest, contents, now >= turnAt));
    if (isApplied && standing.isAnnounced && isCharged) {
      this.#done.add(digest);
      this.#charged.delete(digest);
      this.#submitted.delete(digest);
      return;
    }
    if (now < standing.finalAt + wait) return;
    if (!isApplied && (await chain.applyPenalties(report, debits)))
      log.info({ digest }, "applied a report's penalties");
    if (!standing.isAnnounced && (await chain.announce(report, ranges)))
      log.info({ digest }, "announced a report's ranges");
  }

  /** Whether nothing more can be charged under it. Each waits its turn, whoever submitted it goes first. */
  async #charge(digest: Hex, { report, stamps }: ReportContents, isTurn: boolean): Promise<boolean> {
    const { chain, ledger, log, recorder } = this.#options;
    const owed = owedOf(stamps?.charges ?? []);
    if (owed.length === 0 || this.#charged.has(digest)) return true;
    if (!isTurn) return false;
    const ceilings = await ceilingRowsOf(ledger, owed);
    if (!(await chain.charge(report, stamps!.charges, ceilings))) return false;
    log.info({ digest, channels: owed.length }, "charged a report's stamps");
    recorder?.count("stampChargesSent");
    this.#charged.add(digest);
    return true;
  }

  #waitSeconds(epoch: bigint): bigint {
    const { nodes, nodeId } = this.#options;
    const { place, count } = placeInTurn(nodes(), nodeId, epoch);
    return (place ?? (count > 0n ? count : 1n)) * TURN_SECONDS;
  }

  /** The facts that a dropped report's ranges are of go with it. */
  async #drop(now: bigint): Promise<void> {
    const { store, chain } = this.#options;
    const { epoch } = await chain.head();
    const epochBefore = epoch > KEPT_EPOCHS ? epoch - KEPT_EPOCHS : 0n;
    for (const summary of await store.expired(now - SERVED_SECONDS, epochBefore, DROPPED)) {
      const { digest, state } = summary;
      if (state === "built") {
        // What is on chain is served for a year, whoever saw it come there.
        const standing = await chain.standing(digest);
        await this.#note(summary, standing, now);
        if (standing.status === "accepted") continue;
      }
      const contents = await store.get(digest);
      if (state === "final" && contents) {
        for (const { originatorId, lastSequenceId } of contents.ranges)
          await store.forget(originatorId, lastSequenceId);
      }
      await store.drop(digest);
      this.#done.delete(digest);
    }
  }
}
