import type { Generated, Kysely, Selectable, Transaction } from "kysely";

import type { Hex } from "../../../protocol/bytes.ts";
import { toHex } from "../../../protocol/bytes.ts";
import type { Attempt, Refusal, StoredChannel } from "../../ports.ts";
import type { ReceiptRow } from "../receiptRow.ts";
import type { SpendRow } from "../spendRow.ts";

// The driver gives 64-bit integers as bigint, numerics as decimal text, bytes as Buffer.

export interface ChannelTable {
  address: Uint8Array;
  usage_pico: string;
  /** JSON: picodollars, decimal, by node id. */
  usage_by_node: string;
  voucher_row: Uint8Array | null;
  doubles: bigint;
  revision: bigint;
  /** Of the step of this revision; of no other one, whatever becomes of the database. */
  mark: Generated<string>;
}

export interface ProcessTable {
  id: Generated<bigint>;
  channel: Uint8Array;
  /** Unix milliseconds of the server's clock. */
  expires_at: bigint;
  /** Of whoever took the number, chosen at random. */
  token: Generated<string>;
}

export interface StepTable {
  channel: Uint8Array;
  revision: bigint;
  /** See `journal.ts`. */
  step: string;
  /** As the channel had it then. */
  mark: Generated<string>;
}

interface PublishTable {
  channel: Uint8Array;
  envelope_hash: Uint8Array;
  originator_id: bigint;
  topic: Uint8Array;
  app: string;
  user_name: string;
}

export interface AttemptTable extends PublishTable {
  process: bigint | null;
  payer_envelope: Uint8Array;
  reserved_pico: string;
  reserved_wei: string;
  started_at: bigint;
}

export interface RefusalTable extends PublishTable {
  refused_at: bigint;
}

export interface AnswerTable {
  channel: Uint8Array;
  envelope_hash: Uint8Array;
  envelope: Uint8Array;
  charged_pico: string;
  answered_at: bigint;
}

export interface ReceiptTable extends ReceiptRow {
  channel: Uint8Array;
}

export interface SpendTable extends SpendRow {
  channel: Uint8Array;
}

export interface TopUpTable {
  channel: Uint8Array;
  number: bigint;
  day: bigint;
  amount: string;
  idempotency_key: Uint8Array;
  deposited_before: string;
  finished_at: bigint | null;
}

export interface GatewayTables {
  gateway_channels: ChannelTable;
  gateway_processes: ProcessTable;
  gateway_steps: StepTable;
  gateway_attempts: AttemptTable;
  gateway_refusals: RefusalTable;
  gateway_answers: AnswerTable;
  gateway_receipts: ReceiptTable;
  gateway_spend: SpendTable;
  gateway_top_ups: TopUpTable;
}

export type Db = Kysely<GatewayTables>;
export type Trx = Transaction<GatewayTables>;

export function bytesOf(hex: Hex): Buffer {
  return Buffer.from(hex.slice(2), "hex");
}

export function toStoredChannel(row: Omit<Selectable<ChannelTable>, "mark">): StoredChannel {
  const byNode = JSON.parse(row.usage_by_node) as Record<string, string>;
  return {
    usagePico: BigInt(row.usage_pico),
    usageByNode: new Map(Object.entries(byNode).map(([id, pico]) => [Number(id), BigInt(pico)])),
    voucherRow: row.voucher_row ? new Uint8Array(row.voucher_row) : undefined,
    doubles: row.doubles,
    revision: row.revision,
  };
}

const publishOf = (row: PublishTable) => ({
  envelopeHash: toHex(row.envelope_hash),
  originatorId: Number(row.originator_id),
  topic: new Uint8Array(row.topic),
  spender: { app: row.app, user: row.user_name },
});

export function toAttempt(row: Selectable<AttemptTable>): Attempt {
  return {
    ...publishOf(row),
    payerEnvelope: new Uint8Array(row.payer_envelope),
    reservedPico: BigInt(row.reserved_pico),
    reservedWei: BigInt(row.reserved_wei),
    startedAt: Number(row.started_at),
    ...(row.process === null ? {} : { process: row.process }),
  };
}

export function toRefusal(row: Selectable<RefusalTable>): Refusal {
  return { ...publishOf(row), refusedAt: Number(row.refused_at) };
}
