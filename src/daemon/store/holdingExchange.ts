import { sql } from "kysely";

import type { Address, Hex } from "../../protocol/bytes.ts";
import { mergeVouchers } from "../../protocol/voucher.ts";
import type { Book } from "../backing.ts";
import type { Standing } from "../holdings/decide.ts";
import { decide } from "../holdings/decide.ts";
import type { Ask, ChargeKey, Exchange, Exchanged } from "../holdings/ports.ts";
import { LeaseOverError, keyOf } from "../holdings/ports.ts";
import type { Charge } from "../ports.ts";
import { PostageRefused } from "../refusal.ts";
import type { ChargeBook } from "./charges/chargeBook.ts";
import { bytesOf, digitsOf, hexOf, swapped, toAccount } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { ACCOUNT_COLUMNS } from "./ledgerTables.ts";
import type { Trx } from "./tables.ts";

interface Tools {
  now: Engine["now"];
  book: ChargeBook;
}

/** A book with what this transaction is going to write of it. */
interface Entry extends Book {
  id: bigint;
  heldStamps: Map<Hex, bigint>;
  isRaised: boolean;
  lendsPico: bigint;
}

/**
 * Everything is in one order, own reservations, accounts by channel, the rest, in which the meter goes too: so that they
 * wait for each other and do not deadlock. What is read after the accounts' locks are there holds to the end.
 */
export async function exchange(tools: Tools, trx: Trx, { process, dropped, asks }: Exchange): Promise<Exchanged> {
  if (dropped.length > 0) await giveBack(trx, process, dropped);
  if (asks.length === 0) return { outcomes: [], count: 0 };
  const entries = await lockAccounts(trx, asks);
  const { standings, count } = await look(tools, trx, { process, asks, entries });
  const outcomes = asks.map((ask) => decideOne(ask, entries, standings));
  const held = outcomes.flatMap((outcome) => (outcome instanceof PostageRefused ? [] : outcome));
  await write(tools, trx, { process, held, entries });
  return { outcomes, count };
}

/** Throws LeaseOverError unless the process lives; nobody takes it for gone until the transaction has ended. */
export async function requireProcess({ now }: Pick<Tools, "now">, trx: Trx, process: bigint): Promise<void> {
  const { rows } = await sql`select id from processes where id = ${process}::bigint and expires_at > ${now()}
    for key share`.execute(trx);
  if (rows.length === 0) throw leaseOver(process);
}

const leaseOver = (process: bigint) =>
  new LeaseOverError(
    `process ${process} was not heard of for the time of its lease: it holds nothing under it any more`,
  );

async function giveBack(trx: Trx, process: bigint, dropped: readonly ChargeKey[]): Promise<void> {
  await sql`
    with given as (
      select accounts.id, given.digest
      from unnest(${dropped.map(({ channel }) => bytesOf(channel))}::bytea[], ${dropped.map(({ digest }) => bytesOf(digest))}::bytea[])
        as given (channel, digest) join accounts using (channel)
    ), gone as (
      delete from reservations using given
      where reservations.account_id = given.id and reservations.digest = given.digest
        and reservations.process_id = ${process}::bigint
      returning reservations.account_id, reservations.fee_pico
    ), sums as (select account_id, sum(fee_pico)::bigint as pico from gone group by account_id)
    update lent set pico = greatest(0, lent.pico - sums.pico) from sums
    where lent.account_id = sums.account_id and lent.process_id = ${process}::bigint`.execute(trx);
}

/** The accounts as they are now, by channel; nobody else's hold, voucher or charge changes them before this is over. */
async function lockAccounts(trx: Trx, asks: readonly Ask[]): Promise<Map<Address, Entry>> {
  const channels = [...new Set(asks.flatMap(({ channels }) => channels))].sort();
  const rows = await trx
    .selectFrom("accounts")
    .select(["id", ...ACCOUNT_COLUMNS])
    .where(sql<boolean>`channel = any(${channels.map(bytesOf)}::bytea[])`)
    .orderBy("channel")
    .forNoKeyUpdate()
    .execute();
  const entries = new Map<Address, Entry>();
  for (const row of rows) {
    const account = toAccount(row);
    const nothing = { heldPico: 0n, lentPico: 0n, lendsPico: 0n, stampsUsed: 0n, isRaised: false };
    entries.set(account.channel, { account, id: row.id, heldStamps: new Map(), ...nothing });
  }
  for (const { raise } of asks) {
    const entry = raise && entries.get(raise.channel);
    if (!entry) continue;
    const { vouchers } = entry.account;
    const both = { fees: raise, stamps: raise };
    const merged = vouchers ? mergeVouchers(vouchers, both) : both;
    entry.isRaised ||= merged.fees !== vouchers?.fees || merged.stamps !== vouchers.stamps;
    entry.account.vouchers = merged;
  }
  return entries;
}

interface Fact {
  kind: "held" | "lent" | "stamps" | "stamp" | "reserved" | "charged" | "count" | "generation";
  account_id: bigint | null;
  digest: Uint8Array | null;
  amount: string | null;
}

/** In one statement, so of one moment: the meter's transaction makes a charge of a reservation, and neither must be missed. */
async function look(
  { book }: Tools,
  trx: Trx,
  { process, asks, entries }: { process: bigint; asks: readonly Ask[]; entries: ReadonlyMap<Address, Entry> },
): Promise<{ standings: Map<string, Standing>; count: number }> {
  const charges = asks.flatMap(({ charges }) => charges).filter(({ channel }) => entries.has(channel));
  const byId = new Map([...entries.values()].map((entry) => [entry.id, entry]));
  const ids = sql`${[...byId.keys()]}::bigint[]`;
  const digests = charges.map(({ digest }) => digest);
  const wanted = sql`unnest(${charges.map(({ channel }) => entries.get(channel)!.id)}::bigint[],
    ${digests.map(bytesOf)}::bytea[]) as wanted (account_id, digest)`;
  const none = sql`null::bytea`;
  const { rows } = await sql<Fact>`
    select 'held' as kind, account_id, ${none} as digest, sum(fee_pico)::text as amount
      from reservations where account_id = any(${ids}) group by account_id
    union all select 'lent', account_id, ${none}, sum(pico)::text
      from lent where account_id = any(${ids}) group by account_id
    union all select 'stamps', accounts.id, ${none}, used::text
      from stamp_used join accounts using (channel) where accounts.id = any(${ids})
    union all select 'stamp', account_id, stamp_inbox, stamp_price::text
      from reservations where account_id = any(${ids}) and stamp_inbox is not null
    union all select 'reserved', account_id, digest, process_id::text
      from reservations join ${wanted} using (account_id, digest)
    union all select 'charged', account_id, digest, null
      from charges join ${wanted} using (account_id, digest) where generation = (select current from generation)
    union all select 'count', null, ${none}, count(*)::text from reservations
    union all select 'generation', null, ${none}, current::text from generation`.execute(trx);
  const standings = new Map<string, Standing>();
  const stand = (accountId: bigint, digest: string, standing: Standing) => {
    const channel = byId.get(accountId)?.account.channel;
    if (channel) standings.set(keyOf({ channel, digest }), standing);
  };
  const numbers = { count: 0n, generation: 0n };
  for (const { kind, account_id, digest, amount } of rows) {
    if (kind === "count" || kind === "generation") numbers[kind] = BigInt(amount!);
    else if (kind === "held") byId.get(account_id!)!.heldPico = BigInt(amount!);
    else if (kind === "lent") byId.get(account_id!)!.lentPico = BigInt(amount!);
    else if (kind === "stamps") byId.get(account_id!)!.stampsUsed = BigInt(amount!);
    else if (kind === "stamp") byId.get(account_id!)!.heldStamps.set(hexOf(digest!), BigInt(amount!));
    else if (kind === "charged") stand(account_id!, digitsOf(digest!), "charged");
    else stand(account_id!, digitsOf(digest!), BigInt(amount!) === process ? "here" : "elsewhere");
  }
  for (const { accountId, digest } of await book.findEnded(trx, digests, numbers.generation)) {
    stand(accountId, digest, "charged");
  }
  return { standings, count: Number(numbers.count) };
}

function decideOne(
  ask: Ask,
  entries: ReadonlyMap<Address, Entry>,
  standings: Map<string, Standing>,
): PostageRefused | Charge[] {
  const missing = ask.channels.find((channel) => !entries.has(channel));
  // Accounts never go away: another database than a moment ago.
  if (missing) throw new Error(`the account of channel ${missing} is gone`);
  const decided = decide(ask, {
    bookOf: (channel) => entries.get(channel)!,
    standingOf: (charge) => standings.get(keyOf(charge)) ?? "free",
  });
  if (decided instanceof PostageRefused) return decided;
  const isLent = ask.terms().seats > 1;
  for (const charge of decided) {
    const entry = entries.get(charge.channel)!;
    standings.set(keyOf(charge), "here");
    entry.heldPico += charge.feePico;
    if (charge.stamp) entry.heldStamps.set(charge.stamp.inbox, charge.stamp.price);
    if (!isLent) continue;
    entry.lentPico += charge.feePico;
    entry.lendsPico += charge.feePico;
  }
  return decided;
}

async function write(
  { now }: Tools,
  trx: Trx,
  { process, held, entries }: { process: bigint; held: readonly Charge[]; entries: ReadonlyMap<Address, Entry> },
): Promise<void> {
  const all = [...entries.values()];
  const raised = all.filter(({ isRaised }) => isRaised);
  const lends = all.filter(({ lendsPico }) => lendsPico > 0n);
  if (raised.length > 0) {
    const rows = raised.map(({ account }) => account.vouchers!);
    await sql`
      update accounts set fees_row = raised.fees_row, stamps_row = raised.stamps_row
      from unnest(${raised.map(({ id }) => id)}::bigint[], ${rows.map(({ fees }) => Buffer.from(fees.row))}::bytea[],
        ${rows.map(({ stamps }) => Buffer.from(swapped(stamps.row)))}::bytea[]) as raised (id, fees_row, stamps_row)
      where accounts.id = raised.id`.execute(trx);
  }
  if (held.length === 0) return;
  const lending = sql`insert into lent (account_id, process_id, pico)
      select given.account_id, me.id, given.pico from me,
        unnest(${lends.map(({ id }) => id)}::bigint[], ${lends.map(({ lendsPico }) => lendsPico)}::bigint[])
        as given (account_id, pico)
      on conflict (account_id, process_id) do update set pico = lent.pico + excluded.pico`;
  const { numAffectedRows } = await sql`
    with me as (
      select id from processes where id = ${process}::bigint and expires_at > ${now()} for key share
    )${lends.length > 0 ? sql`, lending as (${lending})` : sql``}
    insert into reservations (account_id, digest, process_id, fee_pico, stamp_inbox, stamp_price)
    select given.account_id, given.digest, me.id, given.fee_pico, given.inbox, given.price from me,
      unnest(${held.map(({ channel }) => entries.get(channel)!.id)}::bigint[],
        ${held.map(({ digest }) => bytesOf(digest))}::bytea[], ${held.map(({ feePico }) => feePico)}::bigint[],
        ${held.map(({ stamp }) => (stamp ? bytesOf(stamp.inbox) : null))}::bytea[],
        ${held.map(({ stamp }) => stamp?.price ?? null)}::bigint[])
      as given (account_id, digest, fee_pico, inbox, price)`.execute(trx);
  if (numAffectedRows !== BigInt(held.length)) throw leaseOver(process);
}
