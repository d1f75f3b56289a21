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

/** What settlements collected, by day in UTC; days without one are left out. */
export interface SettledDays {
  /** Oldest first; `2026-11-30`. */
  days: { day: string; own: Amount; others: Amount }[];
  /** From when on nothing is missing: it takes minutes to read two weeks of a fast chain. */
  sinceSeconds: number;
  /** Up to when, by final blocks. */
  asOfSeconds: number;
}

/** What was spent on a day, in UTC, by kind of envelope. */
export interface SpendDay {
  /** `2026-11-30`. */
  day: string;
  kinds: { kind: string; envelopes: number; postagePico: string }[];
  stampUnits: Amount;
  gasWei: string;
}

export interface SpenderRow {
  app: string;
  user: string;
  envelopes: number;
  postagePico: string;
}

export interface PayerNode {
  id: number;
  httpAddress: string;
  isAvailable: boolean;
  problem?: string;
}

/** Where a deposit goes: what `ChannelAccount` takes, as JSON. */
export type TopUpTarget = object;

export interface PayerView {
  now: number;
  channel: string;
  /** Why it does not serve, empty when it does. */
  problems: string[];
  usedPico: string;
  inFlightPico: string;
  signed: Amount;
  stampsSigned: Amount;
  headroom: Amount;
  /** As the chain was last read; absent before. */
  onChain?: {
    readAt: number;
    deposited: Amount;
    settled: Amount;
    pendingWithdrawal: Amount;
    /** Of the deposit, what publishes may still use. */
    left: Amount;
  };
  /** By what was spent in the last seven days, or since the first envelope in them; absent when nothing was. */
  runway?: { perDayPico: string; daysLeft?: number };
  /** Of the whole gateway, where one is set. */
  budget?: { postage?: Amount; gasWei?: string; spentTodayPico: string; gasTodayWei: string };
  /** The last fourteen days that anything was spent on, oldest first. */
  spend: { days: SpendDay[]; spenders: SpenderRow[]; spenderCount: number; isPartial: boolean };
  nodes: PayerNode[];
  counts: { active: number; held: number; openAttempts: number; receipts: number; doubles: number };
  topUp?: TopUpTarget;
}

/** What one kilobyte or so costs now. */
export interface NetworkFees {
  messageFeePico: string;
  /** Per byte and day. */
  storageFeePico: string;
  congestionFeePico: string;
  targetRatePerMinute: number;
  retentionDays: number;
  sinceSeconds: number;
  /** Those that were announced and are not in force yet. */
  next?: { atSeconds: number; messageFeePico: string; storageFeePico: string };
  stampPrice?: Amount;
  typical: { bytes: number; feePico: string }[];
}

export interface NetworkNode {
  id: number;
  httpAddress: string;
  isSeated?: boolean;
  /** Of the weight of all seats, in per cent. */
  weightPercent?: number;
  isAvailable?: boolean;
  problem?: string;
  /** What was charged of its messages in the last seven days. */
  messages?: number;
  feesPico?: string;
}

/** A proposal of the governor. Its title is what whoever proposed it wrote: plain text, one line. */
export interface ProposalRow {
  id: string;
  title: string;
  state: "pending" | "active" | "canceled" | "defeated" | "succeeded" | "queued" | "expired" | "executed";
  /** Base units of the stake token, 18 decimals; quorum is what for and abstain have to reach. */
  votes: { for: string; against: string; abstain: string; quorum: string };
  /** The last second of voting. */
  votingEndsSeconds: number;
}

/** The newest ten of the last sixty days, newest first. */
export interface ProposalsView {
  rows: ProposalRow[];
  /** From when on none is missing. */
  sinceSeconds: number;
}

/** The network as whoever serves the page knows it. */
export interface NetworkView {
  now: number;
  nodes: NetworkNode[];
  fees?: NetworkFees;
  reports?: ReportRow[];
  epochs?: EpochFees[];
  proposals?: ProposalsView;
  /** Of the weights, as of the last registry version that was read. */
  registryVersion?: string;
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
  history: { traffic: Traffic; epochs: EpochFees[]; transactions: SentTransaction[]; settled?: SettledDays };
}
