/**
 * What daemon and gateway tell the console's page, as JSON. Amounts are base units of the fee token (6 decimals) as
 * decimal strings, unless a name ends in `Pico` (picodollars) or `Wei`. Instants are unix milliseconds of the machine
 * unless a name says seconds. What is not known is left out.
 */
export type Amount = string;

/** Where a listener serves the page, and what the page asks. */
export const CONSOLE_PATH = "/console";
export const OPERATOR_VIEW_PATH = "/console/api/operator";
export const NETWORK_VIEW_PATH = "/console/api/network";
export const PAYER_VIEW_PATH = "/console/api/payer";

/** Who serves the page, which decides what it can show. */
export type ConsoleHost = "daemon" | "gateway";

export interface Alert {
  /** `bad`: money is not earned or may be lost. `warn`: it will be, when nobody looks. */
  level: "bad" | "warn";
  text: string;
}

export interface ChannelRow {
  channel: string;
  exposure: Amount;
  unsettled: Amount;
}

export interface DeadlineRow extends ChannelRow {
  /** Unix seconds of the chain. */
  withdrawableAtSeconds?: number;
}

/** What a lane's last run found, and why nothing of it went out. */
export interface SettlementLane {
  lane: string;
  whyNot: string;
  lastRun?: {
    at: number;
    unsettledPayers: number;
    unsettled: Amount;
    underway: number;
    due: number;
    ripe: number;
    waitSeconds: number;
    gasCost: Amount;
  };
}

export interface GasLane {
  lane: string;
  account: string;
  balanceWei?: string;
  reserveWei: string;
  /** Typical settlements that the balance pays for. */
  runway?: number;
  alarm: "none" | "low" | "reserve" | "empty";
  open: number;
  pending: number;
  oldestPendingAt?: number;
}

/** From what was carried to what can be claimed. The first four are sums over all channels since they exist. */
export interface MoneyFlow {
  deposited: Amount;
  used: Amount;
  signed: Amount;
  settled: Amount;
  /** Carried and not collected; what collecting now would bring; most that one channel may owe. */
  exposure: Amount;
  unsettled: Amount;
  exposureCap: Amount;
  /** Of the whole network: collected and waiting, streaming to the seats. Of this node: what it can claim. */
  undistributed?: Amount;
  streaming?: Amount;
  claimable?: Amount;
}

export interface ReportRow {
  epoch: string;
  digest: string;
  state: "built" | "accepted" | "final" | "void";
  attestedAt?: number;
  finalAtSeconds?: number;
}

/** Fees that a report covers, of all channels; of epochs whose parent is known here too. */
export interface EpochFees {
  epoch: string;
  state: ReportRow["state"];
  usedPico: string;
}

export interface SentTransaction {
  id: string;
  kind: string;
  lane: string;
  at: number;
  state: "pending" | "mined" | "done" | "reverted" | "replaced";
  hash?: string;
  /** Vouchers in it, of a settlement. */
  rows?: number;
}

/** What was charged of messages that are dated in an hour, by the node that took them. */
export interface TrafficHour {
  at: number;
  /** As `Traffic.nodes`. */
  messages: number[];
  feesPico: string[];
}

/** The last seven days, the oldest hour first; hours without a message are left out. */
export interface Traffic {
  /** Those with the most messages; the others' are summed under -1, which comes last. */
  nodes: number[];
  hours: TrafficHour[];
}

export interface OperatorView {
  nodeId: number;
  now: number;
  isHealthy: boolean;
  isReady: boolean;
  alerts: Alert[];
  money: MoneyFlow;
  channels: { count: number; leaving: number; largest: ChannelRow[] };
  deadlines: DeadlineRow[];
  settlement: SettlementLane[];
  gas: GasLane[];
  /** Another process writes to the chain. */
  isFenced: boolean;
  chain: {
    head?: { number: string; timestampSeconds: number };
    finalized?: string;
    doubt: number;
    endpoints: { name: string; state: string; problem?: string }[];
  };
  seat: { isSeated: boolean; begins: boolean; active: number; nodes: number };
  epoch?: { number: string; seconds: number; endsAtSeconds: number };
  reports?: { state: string; epoch?: string; message?: string; latest: ReportRow[] };
  stamps?: { price?: Amount; open: number; notes: number };
  faults: { isAccused: boolean; openCases: number };
  loops: { loop: string; sinceSuccessSeconds: number; failures: number; isStuck: boolean }[];
  disk?: { freeBytes: number; databaseBytes: number };
  history: { traffic: Traffic; epochs: EpochFees[]; transactions: SentTransaction[] };
}
