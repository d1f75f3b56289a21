import type { Address } from "../../protocol/bytes.ts";
import { fromHex, toHex } from "../../protocol/bytes.ts";
import type { LargestVouchers, PostageDomain, SignedVoucher } from "../../protocol/voucher.ts";
import { mergeVouchers, voucherAmounts } from "../../protocol/voucher.ts";
import { openSqlite } from "../../platform/sqlite.ts";
import type { SqliteDatabase } from "../../platform/sqlite.ts";
import type { EvidenceStore } from "../faults/ports.ts";
import type {
  Account,
  ChainProgress,
  Charge,
  FinalizedBlock,
  JournalBlock,
  LedgerStore,
  MeterBatch,
} from "../ports.ts";
import { EVIDENCE_MIGRATION, SqliteEvidence } from "./sqliteEvidence.ts";

// Amounts are decimal text: 64 unsigned bits do not fit SQLite's integers.
const MIGRATIONS = [
  `create table facts (name text primary key, value text not null) without rowid;
   create table accounts (
     channel text primary key,
     usage_pico text not null default '0',
     fees_row blob,
     stamps_row blob,
     deposited text not null default '0',
     fees_spent text not null default '0',
     stamps_spent text not null default '0',
     stamps_signed text not null default '0',
     pending_withdrawal text not null default '0'
   ) without rowid;
   create table charges (channel text not null, digest blob not null, primary key (channel, digest)) without rowid;
   create table cursors (originator integer primary key, sequence_id integer not null);
   create table minutes (
     originator integer not null,
     minute integer not null,
     count integer not null,
     primary key (originator, minute)
   ) without rowid;`,
  EVIDENCE_MIGRATION,
];

/** A ledger that belongs to another deployment than the one asked for. */
export class LedgerDomainError extends Error {
  override readonly name = "LedgerDomainError";
}

interface AccountRow {
  channel: Address;
  usage_pico: string;
  fees_row: Uint8Array | null;
  stamps_row: Uint8Array | null;
  deposited: string;
  fees_spent: string;
  stamps_spent: string;
  stamps_signed: string;
  pending_withdrawal: string;
}

/** The ledger in one SQLite file. Throws LedgerDomainError when the file belongs to another chain or contract. */
export function openSqliteLedger(path: string, domain: PostageDomain): SqliteLedger {
  const database = openSqlite(path, MIGRATIONS);
  const identity = `${domain.chainId}:${domain.postageChannels}`;
  const found = database.prepare("select value from facts where name = 'domain'").pluck().get() as string | undefined;
  if (found !== undefined && found !== identity) {
    database.close();
    throw new LedgerDomainError(`${path} is the ledger of ${found}, not of ${identity}: give this daemon its own file`);
  }
  database.prepare("insert or ignore into facts values ('domain', ?)").run(identity);
  return new SqliteLedger(database);
}

/** Until the store of both databases replaces it. */
export class SqliteLedger implements LedgerStore {
  readonly evidence: EvidenceStore;
  readonly #database: SqliteDatabase;
  readonly #statements: ReturnType<typeof prepareAll>;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    this.evidence = new SqliteEvidence(database);
    this.#statements = prepareAll(database);
  }

  async account(channel: Address): Promise<Account | undefined> {
    const row = this.#statements.account.get(channel) as AccountRow | undefined;
    return row && this.#toAccount(row);
  }

  async accounts(after: Address | undefined, limit: number): Promise<Account[]> {
    const rows = this.#statements.accounts.all(after ?? "", limit) as AccountRow[];
    return rows.map((row) => this.#toAccount(row));
  }

  async accountsOf(channels: readonly Address[]): Promise<Map<Address, Account>> {
    const rows = channels.map((channel) => this.#statements.account.get(channel) as AccountRow | undefined);
    return new Map(rows.flatMap((row) => (row ? [[row.channel, this.#toAccount(row)] as const] : [])));
  }

  async chargedOf(charges: readonly Pick<Charge, "channel" | "digest">[]): Promise<Set<string>> {
    const found = charges.filter(({ channel, digest }) => this.#statements.hasCharge.get(channel, fromHex(digest)));
    return new Set(found.map(({ channel, digest }) => `${channel}:${digest}`));
  }

  async raise(vouchers: readonly SignedVoucher[]): Promise<void> {
    this.#database.transaction(() => {
      for (const voucher of vouchers) {
        const row = this.#statements.account.get(voucher.channel) as AccountRow | undefined;
        if (!row) continue;
        const current = this.#vouchersOf(row);
        const both = { fees: voucher, stamps: voucher };
        const merged = current ? mergeVouchers(current, both) : both;
        this.#statements.setVouchers.run(merged.fees.row, merged.stamps.row, voucher.channel);
      }
    })();
  }

  async recordChain({ states, readTo, dropFrom, blocks, finalized }: ChainProgress): Promise<void> {
    const kept = (await this.journal()).filter(({ number }) => dropFrom === undefined || number < dropFrom);
    const journal = [...kept, ...blocks].filter(({ number }) => finalized === undefined || number > finalized.number);
    this.#database.transaction(() => {
      for (const [channel, state] of states) {
        this.#statements.setChain.run(
          channel,
          ...[state.deposited, state.feesSpent, state.stampsSpent, state.stampsSigned, state.pendingWithdrawal].map(
            String,
          ),
        );
      }
      this.#statements.setFact.run("chain_cursor", String(readTo));
      this.#statements.setFact.run("journal", JSON.stringify(journal, textOfBigint));
      if (finalized) this.#statements.setFact.run("finalized", JSON.stringify(finalized, textOfBigint));
    })();
  }

  async chainCursor(): Promise<bigint | undefined> {
    const value = this.#statements.fact.get("chain_cursor") as string | undefined;
    return value === undefined ? undefined : BigInt(value);
  }

  async journal(): Promise<JournalBlock[]> {
    const text = this.#statements.fact.get("journal") as string | undefined;
    const blocks = JSON.parse(text ?? "[]") as (JournalBlock & { number: string })[];
    return blocks.map((block) => ({ ...block, number: BigInt(block.number) }));
  }

  async finalized(): Promise<FinalizedBlock | undefined> {
    const text = this.#statements.fact.get("finalized") as string | undefined;
    if (text === undefined) return undefined;
    const { number, hash } = JSON.parse(text) as { number: string; hash: FinalizedBlock["hash"] };
    return { number: BigInt(number), hash };
  }

  async raiseHighWater(sequenceId: bigint): Promise<bigint> {
    const known = BigInt((this.#statements.fact.get("high_water") as string | undefined) ?? "0");
    if (sequenceId <= known) return known;
    this.#statements.setFact.run("high_water", String(sequenceId));
    return sequenceId;
  }

  async meter({ originatorId, after, upTo, charges, minuteCounts }: MeterBatch): Promise<Charge[]> {
    return this.#database.transaction(() => {
      const cursor = (this.#statements.cursor.get(originatorId) as bigint | undefined) ?? 0n;
      if (cursor !== after) {
        throw new Error(`originator ${originatorId} was metered to ${cursor} by another writer, not to ${after}`);
      }
      const charged = charges.filter(
        ({ channel, digest }) => this.#statements.addCharge.run(channel, fromHex(digest)).changes === 1,
      );
      for (const { channel, feePico } of charged) {
        const row = this.#statements.account.get(channel) as AccountRow | undefined;
        this.#statements.setUsage.run(channel, String(BigInt(row?.usage_pico ?? "0") + feePico));
      }
      for (const [minute, count] of minuteCounts) this.#statements.setMinute.run(originatorId, minute, count);
      this.#statements.setCursor.run(originatorId, upTo);
      return charged;
    })();
  }

  async meterCursor(originatorId: number): Promise<bigint> {
    return (this.#statements.cursor.get(originatorId) as bigint | undefined) ?? 0n;
  }

  async minuteCounts(originatorId: number, fromMinute: bigint, toMinute: bigint): Promise<Map<bigint, bigint>> {
    const rows = this.#statements.minutes.all(originatorId, fromMinute, toMinute) as {
      minute: bigint;
      count: bigint;
    }[];
    return new Map(rows.map(({ minute, count }) => [minute, count]));
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #toAccount(row: AccountRow): Account {
    return {
      channel: row.channel,
      usagePico: BigInt(row.usage_pico),
      vouchers: this.#vouchersOf(row),
      chain: {
        deposited: BigInt(row.deposited),
        feesSpent: BigInt(row.fees_spent),
        stampsSpent: BigInt(row.stamps_spent),
        stampsSigned: BigInt(row.stamps_signed),
        pendingWithdrawal: BigInt(row.pending_withdrawal),
      },
    };
  }

  #vouchersOf({ channel, fees_row, stamps_row }: AccountRow): LargestVouchers | undefined {
    if (!fees_row || !stamps_row) return undefined;
    const [fees, stamps] = [fees_row, stamps_row].map((row) => ({ channel, row, ...voucherAmounts(row) }));
    return { fees: fees!, stamps: toHex(fees_row) === toHex(stamps_row) ? fees! : stamps! };
  }
}

const textOfBigint = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);

function prepareAll(database: SqliteDatabase) {
  return {
    account: database.prepare("select * from accounts where channel = ?"),
    accounts: database.prepare("select * from accounts where channel > ? order by channel limit ?"),
    hasCharge: database.prepare("select 1 from charges where channel = ? and digest = ?"),
    addCharge: database.prepare("insert or ignore into charges values (?, ?)"),
    setVouchers: database.prepare("update accounts set fees_row = ?, stamps_row = ? where channel = ?"),
    setUsage: database.prepare(
      `insert into accounts (channel, usage_pico) values (?, ?)
       on conflict (channel) do update set usage_pico = excluded.usage_pico`,
    ),
    setChain: database.prepare(
      `insert into accounts (channel, deposited, fees_spent, stamps_spent, stamps_signed, pending_withdrawal)
       values (?, ?, ?, ?, ?, ?)
       on conflict (channel) do update set deposited = excluded.deposited, fees_spent = excluded.fees_spent,
         stamps_spent = excluded.stamps_spent, stamps_signed = excluded.stamps_signed,
         pending_withdrawal = excluded.pending_withdrawal`,
    ),
    fact: database.prepare("select value from facts where name = ?").pluck(),
    setFact: database.prepare(
      "insert into facts values (?, ?) on conflict (name) do update set value = excluded.value",
    ),
    cursor: database.prepare("select sequence_id from cursors where originator = ?").pluck(),
    setCursor: database.prepare(
      "insert into cursors values (?, ?) on conflict (originator) do update set sequence_id = excluded.sequence_id",
    ),
    minutes: database.prepare("select minute, count from minutes where originator = ? and minute between ? and ?"),
    setMinute: database.prepare(
      `insert into minutes values (?, ?, ?)
       on conflict (originator, minute) do update set count = excluded.count`,
    ),
  };
}
