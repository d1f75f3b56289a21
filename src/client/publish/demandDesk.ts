import type { Log } from "../../platform/log.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import type { ChannelWatch } from "../channel/channelWatch.ts";
import type { GatewayError } from "../errors.ts";
import { isGatewayError } from "../errors.ts";
import type { GatewayRecorder } from "../metrics/catalogue.ts";
import type { NodeDirectory, NodeStatus } from "../nodes/nodeDirectory.ts";
import type { Attempt, PostageDemand } from "../ports.ts";
import type { AuditResult, LogAudit } from "./logAudit.ts";
import { refusalOf } from "./refusals.ts";
import type { StampBuyer } from "./stampBuyer.ts";

export interface DemandDeskOptions {
  ledger: ChannelLedger;
  directory: NodeDirectory;
  audit: LogAudit;
  watch: ChannelWatch;
  stamps: Pick<StampBuyer, "buy">;
  recorder: Pick<GatewayRecorder, "count">;
  log: Log;
}

/** Signs what nodes demand for a publish, as far as our own books explain it. */
export class DemandDesk {
  readonly #options: DemandDeskOptions;

  constructor(options: DemandDeskOptions) {
    this.#options = options;
  }

  /** Answers why nothing was signed; undefined when it was. */
  pay(
    status: NodeStatus,
    demand: PostageDemand,
    attempts: readonly Attempt[],
    signal: AbortSignal,
  ): Promise<GatewayError | undefined> {
    // Its numbers are of another column than fees.
    return demand.code === "stamp_missing"
      ? this.#buyStamp(status, demand, attempts)
      : this.#raise(status, demand, signal);
  }

  async #buyStamp(
    { node }: NodeStatus,
    demand: PostageDemand,
    attempts: readonly Attempt[],
  ): Promise<GatewayError | undefined> {
    try {
      await this.#options.stamps.buy(node.id, demand, attempts);
      return undefined;
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#options.log.warn(
        { node: node.id, ...demand, reason: error.code },
        "a node asked for a stamp that is not bought",
      );
      return error;
    }
  }

  /** Signs what the node asks for, when our own ledger or the nodes' logs explain it; otherwise drops the node. */
  async #raise(status: NodeStatus, demand: PostageDemand, signal: AbortSignal): Promise<GatewayError | undefined> {
    const { audit, directory, ledger, log, watch } = this.#options;
    const { node } = status;
    // A larger voucher cannot help a node that has seen one large enough.
    if (demand.required <= demand.authorised) return refusalOf(ledger.channel, node.id, demand);
    let result: AuditResult = "explained";
    try {
      // What other processes use the node knows of, and this one may not have heard of.
      await ledger.catchUp();
      if (!ledger.explains(demand.required)) result = await audit.search(status, demand.required, signal);
      await ledger.raise(demand.required, () => watch.terms());
      log.debug({ node: node.id, ...demand }, "a node asked for a larger voucher and got it");
      return undefined;
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      log.warn({ node: node.id, ...demand, reason: error.code }, "a node asked for more than is signed");
      // Logs that could not be read to their ends may yet explain it.
      if (error.code === "demand_above_ledger" && result === "unexplained") {
        this.#options.recorder.count("demandsAboveLedger");
        directory.drop(node.id, error.message);
      }
      return error;
    }
  }
}
