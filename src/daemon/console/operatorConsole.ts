import { proposalsView } from "../../console/proposalsView.ts";
import type { MoneyFlow, NetworkView, OperatorView, ProposalsView, SettledDays } from "../../console/views.ts";
import type { ProposalBook } from "../../contracts/proposals.ts";
import type { Settlements } from "../../contracts/settlements.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { beside, sharedFor } from "../../platform/sharedFor.ts";
import type { OverviewData } from "../overview/overview.ts";
import type { DaemonChain, DaemonStore, RegisteredNode } from "../ports.ts";
import type { RateBook } from "../rateBook.ts";
import type { ReportsChain } from "../reports/ports.ts";
import type { SeatList } from "../reports/quorum.ts";
import { alertsOf } from "./alerts.ts";
import { History } from "./history.ts";
import { networkView } from "./networkView.ts";
import { operatorView } from "./operatorView.ts";
import { settledDays } from "./settledDays.ts";

/** A view is made at most so often, however many pages ask. */
const VIEW_MS = 5_000;
/** These cost calls, and are asked only while somebody looks. */
const CHAIN_MS = 60_000;
/** The page does not wait longer for what the chain alone knows. */
const WAIT_MS = 2_000;

/** What the page alone wants to know of the chain. */
export interface ConsoleEvents {
  settlements: Pick<Settlements, "step">;
  proposals: Pick<ProposalBook, "read">;
}

export interface ConsoleSources {
  nodeId: number;
  overview: () => Promise<OverviewData>;
  store: Pick<DaemonStore, "ledger" | "intents" | "reports">;
  chain: Pick<DaemonChain, "undistributed" | "streaming" | "claimable" | "epochSeconds">;
  nodes: () => readonly RegisteredNode[];
  rates: Pick<RateBook, "history" | "retentionDays">;
  /** The registry's version of an epoch; absent where nobody reports. */
  seatsAt: ReportsChain["seatsAt"] | undefined;
  /** What it reads of the chain's events; absent, it shows nothing of them. */
  events: ConsoleEvents | undefined;
  clock: Clock;
  log: Log;
}

type OnChain = Pick<MoneyFlow, "undistributed" | "streaming" | "claimable">;

/** What the console's page shows to an operator. */
export class OperatorConsole {
  readonly #sources: ConsoleSources;
  readonly #history: History;
  readonly #view: () => Promise<OperatorView>;
  readonly #network: () => Promise<NetworkView>;
  #onChain: OnChain = {};
  #onChainAt: number | undefined;
  #epochSeconds: bigint | undefined;
  readonly #proposals: () => Promise<ProposalsView | undefined>;
  readonly #settled: () => Promise<SettledDays | undefined>;
  #seats: { epoch: bigint; list: SeatList } | undefined;

  constructor(sources: ConsoleSources) {
    this.#sources = sources;
    this.#history = new History(sources.store);
    this.#view = sharedFor(VIEW_MS, sources.clock, () => this.#read());
    const rarely = { everyMs: CHAIN_MS, waitMs: WAIT_MS, clock: sources.clock };
    const note = (error: unknown) => sources.log.debug({ error: String(error) }, "the console reads no events");
    this.#proposals = beside(rarely, () => this.#askProposals(), note);
    this.#settled = beside(rarely, () => this.#askSettled(), note);
    this.#network = sharedFor(VIEW_MS, sources.clock, () => this.#readNetwork());
  }

  /** Rejects when the ledger cannot be read. What the chain does not say is left out. */
  view(): Promise<OperatorView> {
    return this.#view();
  }

  /** As `view`. */
  network(): Promise<NetworkView> {
    return this.#network();
  }

  async #read(): Promise<OperatorView> {
    const { overview, clock } = this.#sources;
    const [data, read, settled] = await Promise.all([
      ...([overview(), this.#history.read(clock.now()), this.#settled(), this.#askChain()] as const),
    ]);
    const history = { ...read, ...(settled ? { settled } : {}) };
    return operatorView(data, {
      ...{ history, alerts: alertsOf(data), onChain: this.#onChain, epochSeconds: this.#epochSeconds },
    });
  }

  async #readNetwork(): Promise<NetworkView> {
    const { overview, clock, nodes, rates } = this.#sources;
    const [data, hours, epochs, proposals] = await Promise.all([
      overview(),
      this.#history.hours(clock.now()),
      this.#history.epochs(),
      this.#proposals(),
      this.#askChain(),
    ]);
    await this.#askSeats(data);
    return networkView(data, { nodes: nodes(), rates, seats: this.#seats?.list, hours, epochs, proposals });
  }

  async #askProposals(): Promise<ProposalsView | undefined> {
    const { events } = this.#sources;
    return events && proposalsView(await events.proposals.read());
  }

  /** By final blocks: what is counted stays. */
  async #askSettled(): Promise<SettledDays | undefined> {
    const { events, overview } = this.#sources;
    if (!events) return undefined;
    const { chain, transactions } = await overview();
    if (!chain.finalized) return undefined;
    const settled = await events.settlements.step(Number(chain.finalized.number));
    return settledDays(settled, transactions?.lanes.map(({ account }) => account) ?? []);
  }

  /** Once for each epoch: versions change with it. */
  async #askSeats({ chain }: OverviewData): Promise<void> {
    const { seatsAt, log } = this.#sources;
    if (!seatsAt || !chain.head || !this.#epochSeconds) return;
    const epoch = chain.head.timestamp / this.#epochSeconds;
    if (this.#seats?.epoch === epoch) return;
    try {
      const list = await seatsAt(epoch);
      if (list) this.#seats = { epoch, list };
    } catch (error) {
      log.debug({ error: String(error) }, "the console does not know the seats' weights");
    }
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
