import type { SqliteDatabase } from "../../platform/sqlite.ts";
import { LateFlush, openSqlite, openSqliteReader } from "../../platform/sqlite.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import { GatewayError } from "../errors.ts";
import type { Attempt, GatewayStore, Refusal, StoredAnswer } from "../ports.ts";
import { RECEIPT_TABLE, sqliteReceipts } from "./sqliteReceipts.ts";
import { SPEND_TABLE, sqliteSpend } from "./sqliteSpend.ts";
import { TOP_UP_TABLE, sqliteTopUps } from "./sqliteTopUps.ts";

// Picodollars are text: they may exceed the 63 bits of a SQLite integer.
const MIGRATIONS = [
  `create table channel (
     address blob primary key,
     usage_pico text not null,
     voucher_row blob,
     doubles integer not null,
     revision integer not null
   ) without rowid;
   create table attempt (
     channel blob not null,
     envelope_hash blob not null,
     originator_id integer not null,
     topic blob not null,
     payer_envelope blob not null,
     reserved_pico text not null,
     started_at integer not null,
     primary key (channel, envelope_hash, originator_id)
   ) without rowid;
   create table answer (
     channel blob not null,
     envelope_hash blob not null,
     envelope blob not null,
     charged_pico text not null,
     answered_at integer not null,
     primary key (channel, envelope_hash)
   );
   create index answer_by_time on answer (channel, answered_at);`,
  `alter table channel add column usage_by_node text not null default '{}';
   create table refusal (
     channel blob not null,
     envelope_hash blob not null,
     originator_id integer not null,
     topic blob not null,
     refused_at integer not null,
     primary key (channel, envelope_hash, originator_id)
   ) without rowid;`,
  RECEIPT_TABLE,
  SPEND_TABLE,
  TOP_UP_TABLE,
];

interface ChannelRow {
  usage_pico: string;
  voucher_row: Buffer | null;
  doubles: bigint;
  revision: bigint;
  /** JSON: picodollars, decimal, by node id. */
  usage_by_node: string;
}

interface RefusalRow {
  envelope_hash: Buffer;
  originator_id: bigint;
  topic: Buffer;
  refused_at: bigint;
  app: string;
  user_name: string;
}

interface AttemptRow {
  envelope_hash: Buffer;
  originator_id: bigint;
  topic: Buffer;
  payer_envelope: Buffer;
  reserved_pico: string;
  started_at: bigint;
  app: string;
  user_name: string;
  reserved_wei: string;
}

interface AnswerRow {
  envelope: Buffer;
  charged_pico: string;
  answered_at: bigint;
}

/** The gateway's store in one SQLite file; a commit that has returned survives a power cut, unless it says later. */
export function openSqliteStore(path: string): GatewayStore {
  const database = openSqlite(path, MIGRATIONS);
  const { insert: insertReceipt, ...receipts } = sqliteReceipts(database);
  const { add: addSpend, ...spend } = sqliteSpend(database);
  const sql = {
    channel: database.prepare<[Uint8Array], ChannelRow>("select * from channel where address = ?"),
    attempts: database.prepare<[Uint8Array], AttemptRow>("select * from attempt where channel = ? order by started_at"),
    refusals: database.prepare<[Uint8Array], RefusalRow>("select * from refusal where channel = ? order by refused_at"),
    insertChannel: database.prepare("insert into channel values (?, ?, ?, ?, ?, ?) on conflict do nothing"),
    updateChannel: database.prepare(
      `update channel set usage_pico = ?, voucher_row = ?, doubles = ?, revision = ?, usage_by_node = ?
       where address = ? and revision = ?`,
    ),
    putAttempt: database.prepare(
      `insert into attempt values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict do update set reserved_wei = excluded.reserved_wei`,
    ),
    deleteAttempt: database.prepare(
      "delete from attempt where channel = ? and envelope_hash = ? and originator_id = ?",
    ),
    insertRefusal: database.prepare("insert or replace into refusal values (?, ?, ?, ?, ?, ?, ?)"),
    deleteRefusal: database.prepare(
      "delete from refusal where channel = ? and envelope_hash = ? and originator_id = ?",
    ),
    insertAnswer: database.prepare("insert into answer values (?, ?, ?, ?, ?) on conflict do nothing"),
    prune: database.prepare(
      `delete from answer where rowid in
       (select rowid from answer where channel = ? and answered_at < ? order by answered_at limit ?)`,
    ),
  };

  const late = new LateFlush(database);
  const commit = database.transaction(({ channel, state, ...step }: Parameters<GatewayStore["commit"]>[0]) => {
    const key = fromHex(channel);
    const row = state.voucherRow ?? null;
    const byNode = JSON.stringify(Object.fromEntries([...state.usageByNode].map(([id, pico]) => [id, String(pico)])));
    const values = [state.usagePico.toString(), row, state.doubles, state.revision, byNode];
    const { changes } =
      state.revision === 1n
        ? sql.insertChannel.run(key, ...values)
        : sql.updateChannel.run(...values, key, state.revision - 1n);
    if (changes !== 1) {
      throw new GatewayError(
        "ledger_conflict",
        `another process changed the ledger of channel ${channel}: run one gateway per key and store`,
        { retryable: false },
      );
    }
    for (const attempt of step.addAttempts ?? []) {
      const { envelopeHash, originatorId, topic, payerEnvelope, reservedPico, reservedWei, startedAt, spender } =
        attempt;
      const sent = [originatorId, topic, payerEnvelope, String(reservedPico), startedAt];
      sql.putAttempt.run(key, fromHex(envelopeHash), ...sent, spender.app, spender.user, String(reservedWei));
    }
    for (const { envelopeHash, originatorId } of step.removeAttempts ?? []) {
      sql.deleteAttempt.run(key, fromHex(envelopeHash), originatorId);
    }
    for (const { envelopeHash, originatorId } of step.removeRefusals ?? []) {
      sql.deleteRefusal.run(key, fromHex(envelopeHash), originatorId);
    }
    for (const { envelopeHash, originatorId, topic, refusedAt, spender } of step.addRefusals ?? []) {
      const { app, user } = spender;
      sql.insertRefusal.run(key, fromHex(envelopeHash), originatorId, topic, refusedAt, app, user);
    }
    if (step.answer) {
      const { envelopeHash, answer } = step.answer;
      const { envelope, chargedPico, answeredAt } = answer;
      sql.insertAnswer.run(key, fromHex(envelopeHash), envelope, chargedPico.toString(), answeredAt);
    }
    if (step.receipt) insertReceipt(channel, step.receipt);
    addSpend(channel, step.spend ?? []);
  });

  return {
    ...receipts,
    ...spend,
    ...sqliteTopUps(database),
    async loadChannel(channel) {
      const row = sql.channel.get(fromHex(channel));
      return (
        row && {
          usagePico: BigInt(row.usage_pico),
          usageByNode: toUsageByNode(row.usage_by_node),
          voucherRow: row.voucher_row ? new Uint8Array(row.voucher_row) : undefined,
          doubles: row.doubles,
          revision: row.revision,
        }
      );
    },
    async loadAttempts(channel) {
      return sql.attempts.all(fromHex(channel)).map(toAttempt);
    },
    async loadRefusals(channel) {
      return sql.refusals.all(fromHex(channel)).map(toRefusal);
    },
    async commit(step) {
      if (step.isFlushedLater) late.write(() => void commit.immediate(step));
      else commit.immediate(step);
    },
    async flush() {
      late.flush();
    },
    findAnswer: answerFinder(database),
    async pruneAnswers(channel, beforeMs, limit) {
      return sql.prune.run(fromHex(channel), beforeMs, limit).changes;
    },
    async close() {
      database.close();
    },
  };
}

/** Only what a gateway looks up before each publish: for a thread that must not wait for the one that writes. */
export function openSqliteAnswers(path: string): Pick<GatewayStore, "findAnswer" | "close"> {
  const database = openSqliteReader(path);
  return {
    findAnswer: answerFinder(database),
    async close() {
      database.close();
    },
  };
}

function answerFinder(database: SqliteDatabase): GatewayStore["findAnswer"] {
  const find = database.prepare<[Uint8Array, Uint8Array], AnswerRow>(
    "select * from answer where channel = ? and envelope_hash = ?",
  );
  return async (channel, envelopeHash) => {
    const row = find.get(fromHex(channel), fromHex(envelopeHash));
    return row && toAnswer(row);
  };
}

function toAttempt(row: AttemptRow): Attempt {
  return {
    envelopeHash: toHex(row.envelope_hash) satisfies Hex,
    originatorId: Number(row.originator_id),
    topic: new Uint8Array(row.topic),
    payerEnvelope: new Uint8Array(row.payer_envelope),
    reservedPico: BigInt(row.reserved_pico),
    reservedWei: BigInt(row.reserved_wei),
    spender: { app: row.app, user: row.user_name },
    startedAt: Number(row.started_at),
  };
}

function toRefusal(row: RefusalRow): Refusal {
  return {
    envelopeHash: toHex(row.envelope_hash),
    originatorId: Number(row.originator_id),
    topic: new Uint8Array(row.topic),
    spender: { app: row.app, user: row.user_name },
    refusedAt: Number(row.refused_at),
  };
}

function toUsageByNode(json: string): Map<number, bigint> {
  const byNode = JSON.parse(json) as Record<string, string>;
  return new Map(Object.entries(byNode).map(([id, pico]) => [Number(id), BigInt(pico)]));
}

function toAnswer(row: AnswerRow): StoredAnswer {
  return {
    envelope: new Uint8Array(row.envelope),
    chargedPico: BigInt(row.charged_pico),
    answeredAt: Number(row.answered_at),
  };
}
