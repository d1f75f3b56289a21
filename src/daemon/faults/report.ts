import type { Exhibits, FaultEvidence } from "../../contracts/faultEvidence.ts";
import { REVEAL_AFTER_SECONDS, REVEAL_UNTIL_SECONDS, faultEvidence } from "../../contracts/faultEvidence.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type {
  Evidence,
  EvidenceChange,
  EvidenceKey,
  EvidenceState,
  EvidenceStore,
  FaultCase,
  FaultChain,
} from "./ports.ts";
import { FaultRefused } from "./ports.ts";

/** A reveal that is sent later than this before the end might be mined after it. */
const REVEAL_MARGIN_SECONDS = 900n;
/** Each costs gas; what so many could not bring to a case, none will. */
const MOST_COMMITMENTS = 5;
/** Failures in one step after which the chain, or the account's balance, is taken to be the reason. */
const MOST_FAILURES = 3;
/** Evidence looked at in one step, and time after which none is begun: settling waits for it. The next goes on there. */
const MOST_PER_STEP = 64;
const STEP_MS = 60_000;

/** Refusals that stay, whatever is tried again. */
const FINAL = new Set([
  "FaultProofsSignatureInvalid",
  "FaultProofsSignerNotTheNodes",
  "FaultProofsKeyRetired",
  "FaultProofsNotTheSameMessage",
  "FaultProofsNoFault",
  "FaultProofsAlreadyReported",
]);

export interface ReporterOptions {
  store: EvidenceStore;
  chain: FaultChain;
  /** 32 random bytes as hex. */
  randomSalt: () => Hex;
  clock: Clock;
  log: Log;
}

/**
 * Brings evidence to FaultProofs: commits, reveals a minute later, executes when the appeal window is over, and takes
 * the bounty. Each step of each piece of evidence asks the chain where it is and does the one thing that is next, so it
 * goes on from wherever it was stopped.
 */
export class Reporter {
  readonly #options: ReporterOptions;
  #begin = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Takes open evidence one step further. Evidence that fails stays as it is until the next step. */
  async step(): Promise<void> {
    const { store, clock, log } = this.#options;
    const open = await store.open();
    const begin = this.#begin;
    const until = clock.now() + STEP_MS;
    let failures = 0;
    for (let i = 0; i < Math.min(open.length, MOST_PER_STEP); i++) {
      if (failures >= MOST_FAILURES || clock.now() > until) return;
      const key = open[(begin + i) % open.length]!;
      // Whatever fails for good, the next step begins behind it.
      this.#begin = (begin + i + 1) % open.length;
      try {
        await this.#advance(key);
      } catch (error) {
        failures++;
        log.warn({ ...key, error: String(error) }, "evidence could not be brought further, it will be tried again");
      }
    }
  }

  async #advance(key: EvidenceKey): Promise<void> {
    const one = await this.#options.store.get(key);
    if (!one) return;
    const { chain } = this.#options;
    const found = await chain.caseOf(key);
    // A reorganisation may have taken back what was noted.
    if (!found) return this.#accuse(one);
    const reporter = await chain.reporter();
    if (found.reporter === reporter) return this.#conclude(one, found);
    if (await this.#goesBefore(one, found)) return this.#accuse(one);
    await this.#giveUp(one, `case ${found.id} was reported by ${found.reporter}`, { caseId: found.id });
  }

  /** Whether this daemon's reveal makes it the reporter: it has a heavier fault, or committed before the other did. */
  async #goesBefore(one: Evidence, found: FaultCase): Promise<boolean> {
    if (found.status !== "open") return false;
    if (one.fault === "wrongTarget" && found.fault === "equivocation") return true;
    if (found.fault !== one.fault) return false;
    const evidence = await this.#evidenceOf(one);
    const at = evidence && (await this.#options.chain.committedAt(evidence.commitment));
    return at !== undefined && at < found.committedAt;
  }

  async #evidenceOf({ envelopes, salt }: Evidence): Promise<FaultEvidence | undefined> {
    const reporter = await this.#options.chain.reporter();
    return faultEvidence(envelopes as unknown as Exhibits, { reporter, salt });
  }

  /** Commits, or reveals what was committed. */
  async #accuse(one: Evidence): Promise<void> {
    const { chain } = this.#options;
    const evidence = await this.#evidenceOf(one);
    if (!evidence) return this.#giveUp(one, "it shows no fault");
    const at = await chain.committedAt(evidence.commitment);
    if (at === undefined) return this.#commit(one, evidence);
    // Mined, and the answer was lost.
    if (one.state === "found") await this.#noteCommitted(one);
    else if (one.state !== "committed") await this.#change(one, { state: "committed" });
    const now = await chain.now();
    if (now > at + REVEAL_UNTIL_SECONDS - REVEAL_MARGIN_SECONDS) return this.#startOver(one);
    if (now < at + REVEAL_AFTER_SECONDS) return;
    await this.#reveal(one, evidence);
  }

  async #commit(one: Evidence, evidence: FaultEvidence): Promise<void> {
    const { chain, log } = this.#options;
    const { fault, nodeId, sequenceId, commitments } = one;
    if (commitments >= MOST_COMMITMENTS) return this.#giveUp(one, `${commitments} commitments led to no case`);
    if (!(await chain.isWorthSlashing(nodeId))) return this.#giveUp(one, "the node has hardly anything at stake");
    await chain.commit(evidence.commitData);
    await this.#noteCommitted(one);
    log.info({ fault, nodeId, sequenceId }, "committed to evidence");
  }

  /** Only now does it count: who cannot send, for want of gas, has not tried in vain. */
  async #noteCommitted(one: Evidence): Promise<void> {
    await this.#change(one, { state: "committed", commitments: one.commitments + 1 });
  }

  /** The commitment is too old, or is none for these bytes: a new one, behind a new salt. Pieces do not depend on it. */
  async #startOver(one: Evidence, change: EvidenceChange = {}): Promise<void> {
    await this.#change(one, { ...change, state: "found", salt: this.#options.randomSalt() });
  }

  async #reveal(one: Evidence, evidence: FaultEvidence): Promise<void> {
    const { chain, log } = this.#options;
    const { fault, nodeId, sequenceId } = one;
    const before = one.pieces.flat().length;
    try {
      await chain.reveal(evidence.revealData(await this.#deployPieces(one, evidence)));
    } catch (error) {
      if (!(error instanceof FaultRefused)) throw error;
      if (error.error === "FaultProofsRevealTooEarly") return;
      if (FINAL.has(error.error)) return this.#giveUp(one, error.message);
      if (error.error === "FaultProofsRevealTooLate") return this.#startOver(one);
      if (error.error === "FaultProofsNotCommitted") {
        // Pieces just deployed may not be seen yet; older ones a reorganisation took back, and they are made again.
        const areLost = before === evidence.pieces.flat().length;
        return this.#startOver(one, areLost ? { pieces: [] } : {});
      }
      throw error;
    }
    log.warn({ fault, nodeId, sequenceId }, "revealed evidence: the node is frozen");
    const found = await chain.caseOf(one);
    if (found) await this.#noteCase(one, found);
  }

  /** What no transaction can carry; each address is on disk before the next one is paid for. */
  async #deployPieces(one: Evidence, { pieces }: FaultEvidence): Promise<Evidence["pieces"]> {
    const deployed = pieces.map((_, i) => [...(one.pieces[i] ?? [])]);
    for (const [i, codes] of pieces.entries()) {
      for (const code of codes.slice(deployed[i]!.length)) {
        deployed[i]!.push(await this.#options.chain.deploy(code));
        await this.#change(one, { pieces: deployed });
      }
    }
    return deployed;
  }

  /** The case is this daemon's. */
  async #conclude(one: Evidence, found: FaultCase): Promise<void> {
    const { chain, log } = this.#options;
    const { nodeId, sequenceId } = one;
    switch (found.status) {
      case "open":
        await this.#noteCase(one, found);
        if ((await chain.now()) < found.executableAt) return;
        await chain.execute(found.id);
        log.warn({ nodeId, sequenceId, caseId: found.id }, "executed a case: the node is slashed");
        return this.#collect(one, found);
      case "dismissed":
        // It may be reopened.
        return this.#noteCase(one, found);
      case "closed":
        return this.#giveUp(one, `case ${found.id} was dismissed`, { caseId: found.id });
      case "executed":
        return this.#collect(one, found);
    }
  }

  async #collect(one: Evidence, found: FaultCase): Promise<void> {
    const { chain, log } = this.#options;
    await this.#noteCase(one, found, "executed");
    const amount = await chain.withdrawCredit();
    await this.#change(one, { state: "paid" });
    log.info({ nodeId: one.nodeId, sequenceId: one.sequenceId, amount }, "took the bounty");
  }

  async #noteCase(
    one: Evidence,
    { id: caseId, executableAt }: FaultCase,
    state: EvidenceState = "revealed",
  ): Promise<void> {
    if (one.state === state && one.caseId === caseId && one.executableAt === executableAt) return;
    await this.#change(one, { state, caseId, executableAt });
  }

  async #giveUp(one: Evidence, reason: string, change: EvidenceChange = {}): Promise<void> {
    const { nodeId, sequenceId } = one;
    await this.#change(one, { ...change, state: "givenUp", reason });
    this.#options.log.warn({ nodeId, sequenceId, reason }, "evidence is given up");
  }

  async #change(one: Evidence, change: EvidenceChange): Promise<void> {
    await this.#options.store.change(one, change, this.#options.clock.now());
    Object.assign(one, change);
  }
}
