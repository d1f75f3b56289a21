import { Aftermath } from "./aftermath.ts";
import type { LastRefusal } from "./desk.ts";
import { Desk } from "./desk.ts";
import { CannotAttestError } from "./errors.ts";
import type { WhyNot } from "./errors.ts";
import type { End } from "./messages.ts";
import type { ReporterOptions } from "./options.ts";
import { contentsOf } from "./parents.ts";
import type { ReportStore, ReportSummary } from "./ports.ts";
import { Proposer } from "./proposer.ts";
import { RollCalls } from "./rollCalls.ts";
import { Sessions } from "./session.ts";
import type { Session } from "./session.ts";

/** After an epoch's end logs are on their way to other nodes for a while: nobody proposes before. */
const SETTLING_SECONDS = 120n;
/** Each next seat in line waits so long, as with settling. */
const TURN_SECONDS = 60n;
/** What is on chain is looked at so often: nothing of it is in a hurry. */
const AFTERMATH_MS = 300_000;
/** Reports that a status shows. */
const SHOWN = 5;

/** Where a node is with the report that is due. */
export interface ReportState {
  epoch: bigint | undefined;
  state: "reported" | "settling" | "waiting" | "proposing" | "sent" | "cannot";
  why?: WhyNot;
  message?: string;
  at?: End;
  /** The last report of another node that this one did not attest. */
  refused?: LastRefusal;
  /** Nodes that attested this node's last proposal. */
  signed?: number[];
  differences?: End[];
}

/** Brings the network's reports on chain: answers others, proposes by turns, submits what a quorum attested. */
export class Reporter {
  readonly desk: Desk;
  readonly #options: ReporterOptions;
  readonly #sessions: Sessions;
  readonly #proposer: Proposer;
  readonly #aftermath: Aftermath;
  readonly #rollCalls: RollCalls;
  #lookedAfterAt: number | undefined;
  #state: ReportState = { epoch: undefined, state: "waiting" };

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options, (digest) => contentsOf(options, digest));
    this.desk = new Desk(options, this.#sessions);
    this.#aftermath = new Aftermath(options);
    this.#rollCalls = new RollCalls(options);
    this.#proposer = new Proposer(options, this.desk);
  }

  /** One look at everything. Rejects as chain and store do, after all of it was tried. */
  async step(signal: AbortSignal): Promise<void> {
    const steps = [() => this.#rollCalls.step(), () => this.#report(signal), () => this.#lookAfter()];
    const problems: unknown[] = [];
    // A roll call must not wait for a report that cannot be built, nor the other way round.
    for (const step of steps) await step().catch((error: unknown) => problems.push(error));
    if (problems.length > 0) throw new AggregateError(problems, problems.map(String).join("; "));
  }

  async #lookAfter(): Promise<void> {
    const now = this.#options.clock.elapsed();
    if (this.#lookedAfterAt !== undefined && now - this.#lookedAfterAt < (this.#options.aftermathMs ?? AFTERMATH_MS))
      return;
    await this.#aftermath.step();
    this.#lookedAfterAt = now;
  }

  /** One look at what is due, and a proposal when it is this node's turn. */
  async #report(signal: AbortSignal): Promise<void> {
    let session: Session | undefined;
    try {
      session = await this.#sessions.current();
      this.#state = await this.#work(session, signal);
      this.#options.recorder?.set("reportCannotAttest", 0);
    } catch (error) {
      if (!(error instanceof CannotAttestError)) throw error;
      this.#noteProblem(session?.epoch, error);
    }
  }

  async #work(session: Session, signal: AbortSignal): Promise<ReportState> {
    const { chain, nodeId, log } = this.#options;
    const { epoch, endsAt, seats, head } = session;
    this.#options.recorder?.set("reportEpochsBehind", head.length === 0n ? 0 : Number(epoch - head.epoch));
    const place = seats.seats.findIndex((seat) => seat.nodeId === nodeId);
    if (place < 0) {
      throw new CannotAttestError("not_a_seat", `node ${nodeId} has no seat in registry version ${seats.version}`);
    }
    const [now, length] = await Promise.all([chain.now(), chain.epochSeconds()]);
    const settledAt = endsAt + least(SETTLING_SECONDS, length / 20n);
    if (now < settledAt) return { epoch, state: "settling" };
    const count = BigInt(seats.seats.length);
    const turn = (((BigInt(place) - epoch) % count) + count) % count;
    if (now < settledAt + turn * least(TURN_SECONDS, length / (4n * count))) return { epoch, state: "waiting" };
    const { attested, built, signed, differences } = await this.#proposer.propose(session, signal);
    const seen = { epoch, signed, differences };
    this.#options.recorder?.set("reportDifferences", new Set(differences.map((one) => one.originatorId)).size);
    if (!attested) return { ...seen, state: "proposing" };
    // In the second half of the next epoch it goes with what has a deadline: after two its registry version has expired.
    const until = endsAt + 2n * length;
    if (!(await chain.submit(attested, now - endsAt > length / 2n ? until : undefined)))
      return { ...seen, state: "reported" };
    log.info({ epoch, digest: built.digest, signed }, "submitted the report of an epoch");
    this.#aftermath.noteSubmitted(built.digest);
    this.#options.recorder?.count("reportsSubmitted");
    return { ...seen, state: "sent" };
  }

  #noteProblem(epoch: bigint | undefined, { why, message, at }: CannotAttestError): void {
    this.#options.recorder?.set("reportCannotAttest", why === "not_due" ? 0 : 1);
    if (why === "not_due") {
      this.#options.recorder?.set("reportEpochsBehind", 0);
      this.#state = { epoch, state: "reported", message };
      return;
    }
    const isNew = this.#state.why !== why || this.#state.epoch !== epoch;
    this.#state = { epoch, state: "cannot", why, message, ...(at ? { at } : {}) };
    if (isNew) this.#options.log.error({ epoch, why, at }, `this node cannot attest: ${message}`);
  }

  async status(): Promise<ReportState & { latest: ReportSummary[]; lastFinal: ReportSummary | undefined }> {
    const latest = await this.#options.store.latest(SHOWN);
    const refused = this.desk.lastRefusal;
    return {
      ...this.#state,
      ...(refused ? { refused } : {}),
      latest,
      lastFinal: latest.find(({ state }) => state === "final"),
    };
  }

  get store(): Pick<ReportStore, "get" | "latest" | "summary"> {
    return this.#options.store;
  }
}

const least = (a: bigint, b: bigint) => (a < b ? a : b);
