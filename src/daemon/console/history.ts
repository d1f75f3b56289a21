import type { EpochFees, OperatorView, SentTransaction, Traffic } from "../../console/views.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { NO_PARENT } from "../../protocol/report/report.ts";
import { VOUCHER_ROW_LENGTH } from "../../protocol/voucher.ts";
import type { DaemonStore, HourOfLog } from "../ports.ts";
import type { ReportSummary } from "../reports/ports.ts";
import type { Intent } from "../transactions/ports.ts";

const HOUR_MS = 3_600_000;
const SHOWN_HOURS = 168n;
/** Nodes with a line of their own. */
const SHOWN_NODES = 6;
const OTHERS = -1;
const SHOWN_TRANSACTIONS = 50;
const SHOWN_REPORTS = 40;
/** A report's leaves may be tens of megabytes: so many are read in one look, the others in the next ones. */
const READ_AT_ONCE = 4;
const MOST_SUMS = 200;
/** Selector, offset and length before the rows in a settlement's calldata, in bytes. */
const BEFORE_ROWS = 68;

/** What the ledger keeps of the time before now, in as many points as a chart takes. */
export class History {
  readonly #store: Pick<DaemonStore, "ledger" | "intents" | "reports">;
  /** Picodollars of all channels, by report: what it covers never changes. */
  readonly #sums = new Map<Hex, bigint>();

  constructor(store: Pick<DaemonStore, "ledger" | "intents" | "reports">) {
    this.#store = store;
  }

  async read(now: number): Promise<OperatorView["history"]> {
    const [hours, intents, epochs] = await Promise.all([
      this.hours(now),
      this.#store.intents.recent(SHOWN_TRANSACTIONS),
      this.epochs(),
    ]);
    return { traffic: trafficOf(hours), epochs, transactions: intents.map(transactionOf) };
  }

  /** Of the last seven days. */
  hours(now: number): Promise<HourOfLog[]> {
    const hour = BigInt(Math.floor(now / HOUR_MS));
    return this.#store.ledger.hours(hour - SHOWN_HOURS + 1n, hour);
  }

  async epochs(): Promise<EpochFees[]> {
    const reports = (await this.#store.reports.latest(SHOWN_REPORTS)).filter(({ state }) => state !== "void");
    const wanted = reports.filter(({ digest }) => !this.#sums.has(digest)).slice(0, READ_AT_ONCE);
    for (const { digest } of wanted) {
      const contents = await this.#store.reports.get(digest);
      let sum = 0n;
      for (const { usagePico } of contents?.usage ?? []) sum += usagePico;
      if (contents) this.#sums.set(digest, sum);
    }
    for (const digest of this.#sums.keys()) {
      if (this.#sums.size <= MOST_SUMS) break;
      this.#sums.delete(digest);
    }
    // Several may have been built for one epoch: the one that got furthest counts.
    const best = new Map<bigint, ReportSummary>();
    for (const report of reports) {
      const known = best.get(report.epoch);
      if (!known || RANK[report.state] > RANK[known.state]) best.set(report.epoch, report);
    }
    return [...best.values()]
      .flatMap(({ digest, parent, epoch, state }): EpochFees[] => {
        const [sum, before] = [this.#sums.get(digest), parent === NO_PARENT ? 0n : this.#sums.get(parent)];
        if (sum === undefined || before === undefined) return [];
        return [{ epoch: String(epoch), state, usedPico: String(sum - before) }];
      })
      .reverse();
  }
}

const RANK: Record<ReportSummary["state"], number> = { void: 0, built: 1, accepted: 2, final: 3 };

function trafficOf(hours: readonly HourOfLog[]): Traffic {
  const totals = new Map<number, bigint>();
  for (const { originatorId, messages } of hours) {
    totals.set(originatorId, (totals.get(originatorId) ?? 0n) + messages);
  }
  const byTraffic = [...totals].sort(([, a], [, b]) => (a < b ? 1 : a > b ? -1 : 0)).map(([id]) => id);
  const shown = byTraffic.slice(0, SHOWN_NODES).sort((a, b) => a - b);
  const nodes = byTraffic.length > SHOWN_NODES ? [...shown, OTHERS] : shown;
  const sums = new Map<bigint, { messages: bigint; feesPico: bigint }[]>();
  for (const { originatorId, hour, messages, feesPico } of hours) {
    let cells = sums.get(hour);
    if (!cells) sums.set(hour, (cells = nodes.map(() => ({ messages: 0n, feesPico: 0n }))));
    const place = nodes.indexOf(originatorId);
    const cell = cells[place < 0 ? nodes.length - 1 : place]!;
    cell.messages += messages;
    cell.feesPico += feesPico;
  }
  return {
    nodes,
    hours: [...sums].map(([hour, cells]) => ({
      at: Number(hour) * HOUR_MS,
      messages: cells.map(({ messages }) => Number(messages)),
      feesPico: cells.map(({ feesPico }) => String(feesPico)),
    })),
  };
}

function transactionOf({ id, kind, lane, createdAt, outcome, mined, attempts, data }: Intent): SentTransaction {
  const hash = mined?.hash ?? attempts.at(-1)?.hash;
  const bytes = (data.length - 2) / 2;
  return {
    ...{ id: String(id), kind, lane, at: createdAt, state: outcome ?? (mined ? "mined" : "pending") },
    ...(hash === undefined ? {} : { hash }),
    ...(kind === "settle" ? { rows: Math.floor(Math.max(0, bytes - BEFORE_ROWS) / VOUCHER_ROW_LENGTH) } : {}),
  };
}
