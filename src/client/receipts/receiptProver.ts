import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";
import { withTimeout } from "../async.ts";
import type { KeptReceipt, ReceiptKey, ReceiptStore } from "../ports.ts";
import type { Accusation } from "./accuse.ts";
import { accuse } from "./accuse.ts";
import type { ReportsChain } from "./ports.ts";
import type { Contradicted, Finding } from "./proveReceipt.ts";
import { proveReceipt } from "./proveReceipt.ts";
import type { ReportLibrary } from "./reportLibrary.ts";

export interface ReceiptProverOptions {
  store: Pick<ReceiptStore, "receipts" | "removeReceipts" | "contradictReceipt">;
  channel: Address;
  chain: ReportsChain;
  library: ReportLibrary;
  clock: Clock;
  log: Log;
  chainTimeoutMs: number;
}

export type Outcome = Exclude<Finding, Contradicted> | (Contradicted & { accusation: Accusation });

export interface RoundResult {
  included: number;
  contradicted: number;
  unserved: number;
}

const PAGE = 100;
/** Receipts that a round looks at; most of them are not covered yet, which costs nothing but the reading. */
const MOST_PER_ROUND = 5_000;
/** Proofs that a round asks for. */
const MOST_PROOFS = 500;
/** When so many are not served, the daemons are away, and the next round goes on. */
const MOST_UNSERVED = 5;

/** Holds kept receipts against final reports: those that are in the logs may go, those that are not become evidence. */
export class ReceiptProver {
  readonly #options: ReceiptProverOptions;
  #after: ReceiptKey | undefined;

  constructor(options: ReceiptProverOptions) {
    this.#options = options;
  }

  /** Proves one receipt, and notes what came of it. `library` was refreshed before. Rejects when chain or store fail. */
  async prove(receipt: KeptReceipt, signal: AbortSignal): Promise<Outcome> {
    const { chain, chainTimeoutMs, channel, clock, library, log, store } = this.#options;
    const finding = await proveReceipt(receipt, library, signal);
    if (finding.kind === "included") await store.removeReceipts(channel, [receipt]);
    if (finding.kind !== "contradicted") return finding;
    const accusation = await withTimeout(clock, chainTimeoutMs, signal, "looking for evidence", (own) =>
      accuse(receipt, finding, chain, own),
    );
    const { originatorId: node, sequenceId } = receipt;
    const { digest: report } = finding.report;
    const isEvidence = accusation.kind === "evidence";
    const proof = isEvidence ? accusation.proof : undefined;
    const reason = isEvidence ? undefined : accusation.reason;
    await store.contradictReceipt(channel, receipt, { report, proof, reason });
    log.error({ node, sequenceId, report, reason }, "a final report contradicts a receipt: see `pennyblack receipts`");
    return { ...finding, accusation };
  }

  /** Goes on where the last round ended, over a bounded number of receipts. */
  async round(signal: AbortSignal): Promise<RoundResult> {
    const { channel, library, store } = this.#options;
    const result = { included: 0, contradicted: 0, unserved: 0 };
    if ((await library.refresh(signal)) === undefined) return result;
    let proofs = 0;
    for (let looked = 0; looked < MOST_PER_ROUND; looked += PAGE) {
      const page = await store.receipts(channel, this.#after, PAGE);
      for (const receipt of page) {
        if (proofs >= MOST_PROOFS || result.unserved >= MOST_UNSERVED) return result;
        signal.throwIfAborted();
        this.#after = receipt;
        if (receipt.contradiction) continue;
        const { kind } = await this.prove(receipt, signal);
        if (kind === "notCovered") continue;
        proofs++;
        result[kind]++;
      }
      if (page.length < PAGE) {
        this.#after = undefined;
        return result;
      }
    }
    return result;
  }
}
