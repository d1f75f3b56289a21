import { proposalsView } from "../../console/proposalsView.ts";
import type { NetworkView, PayerView, ProposalsView } from "../../console/views.ts";
import { feesView } from "../../console/feesView.ts";
import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import type { ProposalBook } from "../../contracts/proposals.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { beside, sharedFor } from "../../platform/sharedFor.ts";
import type { Verdict } from "../../platform/watch.ts";
import { picoToUnitsUp, unitsToPico } from "../../protocol/units.ts";
import type { DailyBudget } from "../channel/budgetBook.ts";
import type { ChannelWatch } from "../channel/channelWatch.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import type { RatesWatch } from "../nodes/ratesWatch.ts";
import type { SpendStore } from "../ports.ts";
import type { GatewayStatus } from "../server/status.ts";
import { SpendDays } from "./spendDays.ts";

/** A view is made at most so often, however many pages ask. */
const VIEW_MS = 2_000;
/** These cost calls, and are asked only while somebody looks. */
const PROPOSALS_MS = 60_000;
/** The page does not wait longer for them. */
const WAIT_MS = 2_000;
/** Beyond that nobody cares, and a rate of almost nothing gives a number without meaning. */
const MOST_DAYS = 10_000;

export interface PayerConsoleSources {
  ledger: Pick<ChannelLedger, "channel">;
  watch: Pick<ChannelWatch, "state" | "readAt">;
  rates: Pick<RatesWatch, "isKnown" | "current">;
  store: Pick<SpendStore, "spendPage">;
  status: () => GatewayStatus;
  ready: () => Verdict;
  /** Of everybody together. */
  budget: DailyBudget | undefined;
  /** Without it nobody can top up from the page. */
  deployment: DeploymentRecord | undefined;
  /** Absent, it shows none. */
  proposals: Pick<ProposalBook, "read"> | undefined;
  clock: Clock;
  log: Log;
}

/** What the console's page shows to whoever pays. */
export class PayerConsole {
  readonly #sources: PayerConsoleSources;
  readonly #spend: SpendDays;
  readonly #view: () => Promise<PayerView>;
  readonly #proposals: () => Promise<ProposalsView | undefined>;

  constructor(sources: PayerConsoleSources) {
    this.#sources = sources;
    this.#spend = new SpendDays(sources.store, sources.ledger.channel, sources.clock);
    this.#view = sharedFor(VIEW_MS, sources.clock, () => this.#read());
    const { proposals, clock, log } = sources;
    this.#proposals = beside(
      { everyMs: PROPOSALS_MS, waitMs: WAIT_MS, clock },
      async () => proposals && proposalsView(await proposals.read()),
      (error) => log.debug({ error: String(error) }, "the console does not know the proposals"),
    );
  }

  view(): Promise<PayerView> {
    return this.#view();
  }

  async network(): Promise<NetworkView> {
    const proposals = await this.#proposals();
    const { rates, status, clock } = this.#sources;
    const now = clock.now();
    return {
      now,
      nodes: nodesOf(status()),
      ...(proposals ? { proposals } : {}),
      ...(rates.isKnown ? feesView(rates.current(), Math.floor(now / 1_000)) : {}),
    };
  }

  async #read(): Promise<PayerView> {
    const { status, ready, deployment, clock } = this.#sources;
    const { spend, todayPico, todayWei, perDayPico } = await this.#spend.summary();
    const now = status();
    const { reasons, warnings = [] } = ready();
    return {
      ...{ now: clock.now(), channel: now.channel, problems: [...reasons, ...warnings] },
      ...{ usedPico: String(now.usagePico), inFlightPico: String(now.inFlightPico) },
      ...{ signed: String(now.authorised), stampsSigned: String(now.stampsSigned), headroom: String(now.headroom) },
      ...this.#balance(now, perDayPico),
      ...this.#budget(todayPico, todayWei),
      ...{ spend, nodes: nodesOf(now) },
      counts: {
        ...{ active: now.active, held: now.held, openAttempts: now.openAttempts, receipts: now.receipts },
        doubles: Number(now.doubles),
      },
      ...(deployment ? { topUp: deployment } : {}),
    };
  }

  #balance(
    { usagePico, inFlightPico, available }: GatewayStatus,
    perDayPico: bigint | undefined,
  ): Pick<PayerView, "onChain" | "runway"> {
    const { state, readAt } = this.#sources.watch;
    const rate = perDayPico === undefined ? {} : { runway: { perDayPico: String(perDayPico) } };
    if (!state || available === undefined) return rate;
    const rest = available - picoToUnitsUp(usagePico + inFlightPico);
    const left = rest > 0n ? rest : 0n;
    const { deposited, feesSpent, pendingWithdrawal } = state;
    const days = perDayPico ? Number((unitsToPico(left) * 100n) / perDayPico) / 100 : undefined;
    return {
      onChain: {
        ...{ readAt, deposited: String(deposited), settled: String(feesSpent) },
        ...{ pendingWithdrawal: String(pendingWithdrawal), left: String(left) },
      },
      ...(days === undefined || days > MOST_DAYS
        ? rate
        : { runway: { perDayPico: String(perDayPico), daysLeft: days } }),
    };
  }

  #budget(todayPico: bigint, todayWei: bigint): Pick<PayerView, "budget"> {
    const { budget } = this.#sources;
    if (!budget) return {};
    return {
      budget: {
        ...(budget.postage === undefined ? {} : { postage: String(budget.postage) }),
        ...(budget.gasWei === undefined ? {} : { gasWei: String(budget.gasWei) }),
        ...{ spentTodayPico: String(todayPico), gasTodayWei: String(todayWei) },
      },
    };
  }
}

const nodesOf = ({ nodes }: GatewayStatus) =>
  nodes.map(({ id, httpAddress, isAvailable, problem }) => ({
    ...{ id, httpAddress, isAvailable },
    ...(problem === undefined ? {} : { problem }),
  }));
