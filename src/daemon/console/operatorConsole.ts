import type { MoneyFlow, OperatorView } from "../../console/views.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { OverviewData } from "../overview/overview.ts";
import type { DaemonChain, DaemonStore } from "../ports.ts";
import { alertsOf } from "./alerts.ts";
import { History } from "./history.ts";
import { operatorView } from "./operatorView.ts";

/** A view is made at most so often, however many pages ask. */
const VIEW_MS = 5_000;
/** These cost calls: three a minute, and only while somebody looks. */
const CHAIN_MS = 60_000;

export interface ConsoleSources {
  nodeId: number;
  overview: () => Promise<OverviewData>;
  store: Pick<DaemonStore, "ledger" | "intents" | "reports">;
  chain: Pick<DaemonChain, "undistributed" | "streaming" | "claimable" | "epochSeconds">;
  clock: Clock;
  log: Log;
}

type OnChain = Pick<MoneyFlow, "undistributed" | "streaming" | "claimable">;

/** What the console's page shows to an operator. */
export class OperatorConsole {
  readonly #sources: ConsoleSources;
  readonly #history: History;
  #view: { at: number; read: Promise<OperatorView> } | undefined;
  #onChain: OnChain = {};
  #onChainAt: number | undefined;
  #epochSeconds: bigint | undefined;

  constructor(sources: ConsoleSources) {
    this.#sources = sources;
    this.#history = new History(sources.store);
  }

  /** Rejects when the ledger cannot be read. What the chain does not say is left out. */
  view(): Promise<OperatorView> {
    const now = this.#sources.clock.elapsed();
    if (this.#view && now - this.#view.at < VIEW_MS) return this.#view.read;
    const read = this.#read();
    this.#view = { at: now, read };
    read.catch(() => (this.#view = undefined));
    return read;
  }

  async #read(): Promise<OperatorView> {
    const { overview, clock } = this.#sources;
    const [data, history] = await Promise.all([overview(), this.#history.read(clock.now()), this.#askChain()]);
    return operatorView(data, {
      ...{ history, alerts: alertsOf(data), onChain: this.#onChain, epochSeconds: this.#epochSeconds },
    });
  }

  async #askChain(): Promise<void> {
    const { chain, nodeId, clock, log } = this.#sources;
    const now = clock.elapsed();
    if (this.#onChainAt !== undefined && now - this.#onChainAt < CHAIN_MS) return;
    this.#onChainAt = now;
    try {
      this.#epochSeconds ??= await chain.epochSeconds();
      const [undistributed, streaming, claimable] = await Promise.all([
        ...[chain.undistributed(), chain.streaming(), chain.claimable(nodeId)],
      ]);
      this.#onChain = {
        ...{ undistributed: String(undistributed), streaming: String(streaming), claimable: String(claimable) },
      };
    } catch (error) {
      // Old figures would look like new ones.
      this.#onChain = {};
      log.debug({ error: String(error) }, "the console does not know what is on its way to the seats");
    }
  }
}
