import { sql } from "kysely";

import type { Address } from "../../protocol/bytes.ts";
import { bytesToUint, compareBytes, uintToBytes } from "../../protocol/bytes.ts";
import type { LargestVouchers, SignedVoucher } from "../../protocol/voucher.ts";
import type {
  Account,
  ChainProgress,
  Charge,
  FinalizedBlock,
  HourOfLog,
  JournalBlock,
  LedgerStore,
  MeterBatch,
  StoreSize,
} from "../ports.ts";
import { AccountNumbers } from "./accountNumbers.ts";
import { recordChain } from "./chainTables.ts";
import { ChargeBook } from "./charges/chargeBook.ts";
import { bytesOf, digitsOf, hexOf, largestPerChannel, splitAddresses, swapped, toAccount } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { inTransaction, retried } from "../../platform/database/transactions.ts";
import { hoursBetween } from "./hourTable.ts";
import { meter } from "./meterTables.ts";
import { stampsUsed } from "./stampTables.ts";
import { statementsOf } from "./tables.ts";

export const ACCOUNT_COLUMNS = [
  ...(["channel", "usage_dollars", "usage_pico", "fees_row", "stamps_row", "deposited"] as const),
  ...(["fees_spent", "stamps_spent", "stamps_signed", "pending_withdrawal"] as const),
] as const;

/** Accounts, charges and the chain's side of them. */
export class LedgerTables implements LedgerStore {
  readonly #engine: Engine;
  readonly #book: ChargeBook;
  readonly #numbers = new AccountNumbers();

  constructor(engine: Engine, book = new ChargeBook(engine)) {
    this.#engine = engine;
    this.#book = book;
  }

  async account(channel: Address): Promise<Account | undefined> {
    return (await this.accountsOf([channel])).get(channel);
  }

  async accountsOf(channels: readonly Address[]): Promise<Map<Address, Account>> {
    const accounts = new Map<Address, Account>();
    for (const some of statementsOf(channels)) {
      const query = this.#engine.kysely.selectFrom("accounts").select(ACCOUNT_COLUMNS);
      for (const row of await query.where("channel", "in", some.map(bytesOf)).execute()) {
        const account = toAccount(row);
        accounts.set(account.channel, account);
      }
    }
    return accounts;
  }

  async accounts(after: Address | undefined, limit: number): Promise<Account[]> {
    const query = this.#engine.kysely.selectFrom("accounts").select(ACCOUNT_COLUMNS).orderBy("channel").limit(limit);
    const rows = await (after === undefined ? query : query.where("channel", ">", bytesOf(after))).execute();
    return rows.map(toAccount);
  }

  async chargedOf(charges: readonly Pick<Charge, "channel" | "digest">[]): Promise<Set<string>> {
    const wanted = new Set(charges.map(({ channel, digest }) => `${channel}:${digest}`));
    const rows = await this.#book.find([...new Set(charges.map(({ digest }) => digest))]);
    const found = new Set<string>();
    for (const some of statementsOf(rows)) {
      const ids = [...new Set(some.map(({ accountId }) => accountId))];
      const query = this.#engine.kysely.selectFrom("accounts").select(["id", "channel"]);
      const accounts = await query.where("id", "in", ids).execute();
      const channels = new Map(accounts.map(({ id, channel }) => [id, hexOf(channel)]));
      for (const { digest, accountId } of some) {
        const key = `${channels.get(accountId)}:${digest}`;
        if (wanted.has(key)) found.add(key);
      }
    }
    return found;
  }

  async raise(vouchers: readonly SignedVoucher[]): Promise<void> {
    for (const some of statementsOf(largestPerChannel(vouchers))) await retried(() => this.#raise(some));
  }

  /**
   * Accounts never go away and vouchers only grow, so what a look finds ahead of the write holds: who has no account, and
   * which voucher is no news, which then costs no write. Which of two is larger the write itself decides.
   */
  async #raise(largest: readonly (readonly [Address, LargestVouchers])[]): Promise<void> {
    const { kysely } = this.#engine;
    const wanted = largest.map(([channel, { fees, stamps }]) => ({
      ...{ channel: bytesOf(channel), fees_row: fees.row, stamps_row: swapped(stamps.row) },
    }));
    const known = await kysely
      .selectFrom("accounts")
      .select(["channel", "fees_row", "stamps_row"])
      .where(
        "channel",
        "in",
        wanted.map(({ channel }) => channel),
      )
      .execute();
    const byChannel = new Map(known.map((row) => [digitsOf(row.channel), row]));
    const rows = wanted.filter((row) => {
      const there = byChannel.get(digitsOf(row.channel));
      return there && (exceeds(row.fees_row, there.fees_row) || exceeds(row.stamps_row, there.stamps_row));
    });
    if (rows.length === 0) return;
    await kysely
      .insertInto("accounts")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("channel").doUpdateSet({ fees_row: larger("fees_row"), stamps_row: larger("stamps_row") }),
      )
      .execute();
  }

  async recordChain(progress: ChainProgress): Promise<void> {
    await inTransaction(this.#engine, (trx) => recordChain(trx, progress));
  }

  async chainCursor(): Promise<bigint | undefined> {
    const row = await this.#engine.kysely.selectFrom("ledger").select("chain_cursor").executeTakeFirstOrThrow();
    return row.chain_cursor ?? undefined;
  }

  async journal(): Promise<JournalBlock[]> {
    const rows = await this.#engine.kysely.selectFrom("journal").selectAll().orderBy("number").execute();
    return rows.map(({ number, hash, touched }) => ({ number, hash: hexOf(hash), touched: splitAddresses(touched) }));
  }

  async finalized(): Promise<FinalizedBlock | undefined> {
    const { finalized_number: number, finalized_hash: hash } = await this.#engine.kysely
      .selectFrom("ledger")
      .select(["finalized_number", "finalized_hash"])
      .executeTakeFirstOrThrow();
    return number === null || hash === null ? undefined : { number, hash: hexOf(hash) };
  }

  async meter(batch: MeterBatch): Promise<Charge[]> {
    const tools = { engine: this.#engine, book: this.#book, numbers: this.#numbers };
    const charged = await inTransaction(this.#engine, (trx) => meter(tools, trx, batch));
    this.#book.noteAdded(charged.length);
    return charged;
  }

  async meterCursor(originatorId: number): Promise<bigint> {
    const query = this.#engine.kysely.selectFrom("cursors").select("sequence_id");
    const row = await query.where("originator", "=", BigInt(originatorId)).executeTakeFirst();
    return row?.sequence_id ?? 0n;
  }

  async minuteCounts(originatorId: number, fromMinute: bigint, toMinute: bigint): Promise<Map<bigint, bigint>> {
    const rows = await this.#engine.kysely
      .selectFrom("minutes")
      .select(["minute", "count"])
      .where("originator", "=", BigInt(originatorId))
      .where("minute", ">=", fromMinute)
      .where("minute", "<=", toMinute)
      .execute();
    return new Map(rows.map(({ minute, count }) => [minute, count]));
  }

  hours(fromHour: bigint, toHour: bigint): Promise<HourOfLog[]> {
    return hoursBetween(this.#engine.kysely, fromHour, toHour);
  }

  stampsUsed(channels: readonly Address[]): Promise<Map<Address, bigint>> {
    return stampsUsed(this.#engine.kysely, channels);
  }

  async size(): Promise<StoreSize> {
    const { rows } = await this.#engine.size().execute(this.#engine.kysely);
    const { database_bytes: databaseBytes, charges_bytes: chargesBytes } = rows[0]!;
    return { databaseBytes, ...(chargesBytes === null ? {} : { chargesBytes }) };
  }

  async raiseHighWater(sequenceId: bigint): Promise<bigint> {
    const { kysely } = this.#engine;
    const value = uintToBytes(sequenceId, 8);
    await kysely.updateTable("ledger").set({ high_water: value }).where("high_water", "<", value).execute();
    const { high_water } = await kysely.selectFrom("ledger").select("high_water").executeTakeFirstOrThrow();
    return bytesToUint(high_water);
  }
}

function exceeds(comes: Uint8Array, there: Uint8Array | null): boolean {
  return there === null || compareBytes(comes, there) > 0;
}

/** The larger of what is there and what comes, decided by the database: another process may have written in between. */
function larger(column: "fees_row" | "stamps_row") {
  const [there, comes] = [sql.ref(`accounts.${column}`), sql.ref(`excluded.${column}`)];
  return sql<Uint8Array>`case when ${there} >= ${comes} then ${there} else ${comes} end`;
}
