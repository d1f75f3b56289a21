import type { Generated, Kysely, Transaction } from "kysely";

import { chunksOf } from "../../platform/chunks.ts";

// Both databases give integers as bigint and bytes as Uint8Array. Amounts of 64 unsigned bits or more do not fit their
// integers: they are decimal text where they are only kept, and big-endian bytes where they are compared.

export interface LedgerTable {
  one: bigint;
  domain: string;
  node_id: bigint;
  chain_cursor: bigint | null;
  finalized_number: bigint | null;
  finalized_hash: Uint8Array | null;
  /** 8 bytes, big endian. */
  high_water: Uint8Array;
}

export interface AccountTable {
  id: Generated<bigint>;
  channel: Uint8Array;
  /** Usage is whole dollars and picodollars below one: the sum of 64 bits could overflow, these cannot. */
  usage_dollars: Generated<bigint>;
  usage_pico: Generated<bigint>;
  /** The voucher with the most fees: `fees | stamps | signature`, so that bytes order as mergeVouchers does. */
  fees_row: Uint8Array | null;
  /** The one with the most stamps, for the same reason as `stamps | fees | signature`. */
  stamps_row: Uint8Array | null;
  deposited: Generated<string>;
  fees_spent: Generated<string>;
  stamps_spent: Generated<string>;
  stamps_signed: Generated<string>;
  pending_withdrawal: Generated<string>;
}

/** The table that grows with traffic: a short number for the payer, and new rows beside one another, see ChargeBook. */
export interface ChargeTable {
  generation: bigint;
  digest: Uint8Array;
  account_id: bigint;
}

export interface GenerationTable {
  one: bigint;
  /** The one to which charges are added. */
  current: bigint;
}

/** Which digests ended generations may have, from the first to the last. */
export interface ChargeFilterTable {
  first: bigint;
  last: bigint;
  bits: Uint8Array;
}

export interface CursorTable {
  originator: bigint;
  sequence_id: bigint;
}

export interface MinuteTable {
  originator: bigint;
  minute: bigint;
  count: bigint;
}

/** What was charged of an originator's messages, by the hour that they are dated in: since 1970. */
export interface HourTable {
  originator: bigint;
  hour: bigint;
  messages: bigint;
  fees_pico: string;
}

/** What reports need of stretches of logs, one row per metered batch. */
export interface FactTable {
  originator: bigint;
  last: bigint;
  /** The last sequence id before the stretch, as far as it was metered. */
  after: bigint;
  facts: Uint8Array;
}

export interface ReportTable {
  digest: Uint8Array;
  epoch: bigint;
  /** JSON. */
  report: string;
  ranges: Uint8Array;
  usage_leaves: Uint8Array;
  debits: Uint8Array;
  /** See `packStamps`; null: nothing. */
  stamps: Uint8Array | null;
  state: string;
  /** Unix milliseconds of this machine. */
  built_at: bigint;
  attested_at: bigint | null;
  /** Unix seconds of the chain. */
  final_at: bigint | null;
}

export interface JournalTable {
  number: bigint;
  hash: Uint8Array;
  /** Channels one after another. */
  touched: Uint8Array;
}

export interface EvidenceTable {
  id: Generated<bigint>;
  node_id: bigint;
  sequence_id: string;
  fault: string;
  first: Uint8Array;
  second: Uint8Array | null;
  salt: Uint8Array;
  state: string;
  commitments: bigint;
  /** JSON. */
  pieces: string;
  case_id: string | null;
  executable_at: string | null;
  reason: string | null;
  found_at: bigint;
  changed_at: bigint;
}

export interface ComparedTable {
  originator: bigint;
  peer: bigint;
  sequence_id: string;
}

export interface IntentTable {
  id: Generated<bigint>;
  lane: string;
  kind: string;
  sender: Uint8Array;
  nonce: bigint;
  target: Uint8Array | null;
  data: Uint8Array;
  gas_limit: string;
  budget_wei: string;
  deadline_at: string | null;
  created_at: bigint;
  mined_hash: Uint8Array | null;
  mined_block: bigint | null;
  mined_block_hash: Uint8Array | null;
  outcome: string | null;
}

export interface AttemptTable {
  hash: Uint8Array;
  intent_id: bigint;
  max_fee_per_gas: string;
  max_priority_fee_per_gas: string;
  sent_at: bigint;
}

export interface LeadershipTable {
  one: bigint;
  term: bigint;
  holder: string | null;
  /** Unix milliseconds of the database's clock. */
  expires_at: bigint;
}

export interface ProcessTable {
  id: Generated<bigint>;
  /** Unix milliseconds of the database's clock. */
  expires_at: bigint;
}

/** What a process has let in and nobody has metered yet. */
export interface ReservationTable {
  account_id: bigint;
  digest: Uint8Array;
  process_id: bigint;
  fee_pico: bigint;
  /** Of a message that needs a stamp. */
  stamp_inbox: Uint8Array | null;
  stamp_price: bigint | null;
}

/** What a process has let in since its last round of gossip. */
export interface LentTable {
  account_id: bigint;
  process_id: bigint;
  pico: bigint;
}

/** Where reading the identity log has come to. */
export interface InboxLogTable {
  one: bigint;
  read_to: bigint;
  read_to_at: bigint;
}

/** Who was a member of an inbox from when to when. */
export interface InboxMemberTable {
  inbox: Uint8Array;
  member: string;
  /** Of the update that added it. */
  sequence_id: bigint;
  added_at: bigint;
  added_by: string | null;
  is_account: bigint;
  removed_at: bigint | null;
}

/** Which inbox listed an installation key first. */
export interface InstallationTable {
  key: Uint8Array;
  inbox: Uint8Array;
  listed_at: bigint;
}

export interface StampTable {
  payer: Uint8Array;
  inbox: Uint8Array;
  welcome: Uint8Array;
  /** Date and place of the welcome that opened it. */
  opened_at: bigint;
  originator: bigint;
  sequence_id: bigint;
  price: bigint;
  standing: string;
}

/** What a channel used of its ceiling: charged, or held for open stamps. */
export interface StampUsedTable {
  channel: Uint8Array;
  used: bigint;
}

export interface NoteTable {
  id: Generated<bigint>;
  subject: string;
  inbox: Uint8Array;
  payer: Uint8Array;
  kind: string;
  packed: Uint8Array;
  heard_at: bigint;
}

export interface PassTable {
  id: Generated<bigint>;
  payer: Uint8Array;
  welcome: Uint8Array;
  payer_digest: Uint8Array;
  inbox: Uint8Array;
  note: Uint8Array | null;
  tag: Uint8Array | null;
  heard_at: bigint;
}

export interface WaiverUseTable {
  inbox: Uint8Array;
  payer: Uint8Array;
  waiver_id: string;
  uses: bigint;
}

export interface Tables {
  store_version: { version: bigint };
  ledger: LedgerTable;
  accounts: AccountTable;
  charges: ChargeTable;
  generation: GenerationTable;
  charge_filters: ChargeFilterTable;
  cursors: CursorTable;
  minutes: MinuteTable;
  hours: HourTable;
  facts: FactTable;
  reports: ReportTable;
  journal: JournalTable;
  evidence: EvidenceTable;
  compared: ComparedTable;
  intents: IntentTable;
  attempts: AttemptTable;
  leadership: LeadershipTable;
  processes: ProcessTable;
  reservations: ReservationTable;
  lent: LentTable;
  inbox_log: InboxLogTable;
  inbox_members: InboxMemberTable;
  installations: InstallationTable;
  stamps: StampTable;
  stamp_used: StampUsedTable;
  notes: NoteTable;
  passes: PassTable;
  waiver_uses: WaiverUseTable;
}

export type Trx = Transaction<Tables>;
/** For reads, in a transaction or not. */
export type Reader = Kysely<Tables>;

/** Rows of one statement: with the widest table this stays below SQLite's 32,766 parameters. */
export const ROWS_PER_STATEMENT = 1_000;

/** A list as statements take it. */
export const statementsOf = <T>(list: readonly T[]): T[][] => chunksOf(list, ROWS_PER_STATEMENT);
