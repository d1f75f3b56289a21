import { randomUUID } from "node:crypto";

import { sql } from "kysely";

import { chunksOf } from "../../../platform/chunks.ts";
import type { Address } from "../../../protocol/bytes.ts";
import { GatewayError } from "../../errors.ts";
import type {
  Attempt,
  AttemptKey,
  KeptReceipt,
  LedgerCommit,
  LedgerNews,
  Refusal,
  StoredChannel,
} from "../../ports.ts";
import { writeNews } from "./journal.ts";
import { writeSpend } from "./spend.ts";
import type { Trx } from "./tables.ts";
import { bytesOf } from "./tables.ts";

/** Steps that a process may be behind; one that is further behind reads everything anew. */
const STEPS_KEPT = 10_000n;

/** A statement has 65,535 parameters at most. */
const ROWS = 5_000;

/**
 * Writes steps of one channel, whose row this transaction has locked, in a few statements for all of them. @returns their mark,
 * undefined where there is none to write
 */
export async function writeSteps(
  trx: Trx,
  channel: Address,
  steps: readonly LedgerCommit[],
): Promise<string | undefined> {
  const last = steps.at(-1);
  if (!last) return undefined;
  const news = steps.map((step) => ({ revision: step.state.revision, news: step }));
  const mark = await writeState(trx, channel, last.state, steps[0]!.state.revision - 1n, news);
  await writeAttempts(trx, channel, steps);
  await writeRefusals(trx, channel, steps);
  await writeAnswers(trx, channel, steps);
  await writeReceipts(
    trx,
    channel,
    steps.flatMap(({ receipt }) => receipt ?? []),
  );
  await writeSpend(
    trx,
    channel,
    steps.flatMap(({ spend = [] }) => spend),
  );
  return mark;
}

/** The channel's row and the journal, which forgets its oldest. @returns the mark of these. Throws GatewayError `ledger_conflict`. */
export async function writeState(
  trx: Trx,
  channel: Address,
  state: StoredChannel,
  before: bigint,
  news: readonly { revision: bigint; news: LedgerNews }[],
): Promise<string> {
  const mark = randomUUID();
  const address = bytesOf(channel);
  const byNode = Object.fromEntries([...state.usageByNode].map(([id, pico]) => [id, String(pico)]));
  const { numUpdatedRows } = await trx
    .updateTable("gateway_channels")
    .set({
      usage_pico: String(state.usagePico),
      usage_by_node: JSON.stringify(byNode),
      voucher_row: state.voucherRow ?? null,
      doubles: state.doubles,
      ...{ revision: state.revision, mark },
    })
    .where("address", "=", address)
    .where("revision", "=", before)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows !== 1n) {
    throw new GatewayError("ledger_conflict", `another process changed the ledger of channel ${channel}`, {
      retryable: false,
    });
  }
  const rows = news.map(({ revision, news: step }) => ({ channel: address, revision, step: writeNews(step), mark }));
  await trx.insertInto("gateway_steps").values(rows).execute();
  const forgotten = state.revision - STEPS_KEPT;
  await trx.deleteFrom("gateway_steps").where("channel", "=", address).where("revision", "<=", forgotten).execute();
  return mark;
}

/** What came and what went, each key once: the end of these steps counts. */
class Net<T extends AttemptKey> {
  readonly added = new Map<string, T>();
  readonly removed = new Map<string, AttemptKey>();

  /** One that went and came again goes first: it is another one. */
  add(row: T): void {
    this.added.set(idOf(row), row);
  }

  remove(key: AttemptKey): void {
    this.added.delete(idOf(key));
    this.removed.set(idOf(key), key);
  }
}

const idOf = ({ envelopeHash, originatorId }: AttemptKey) => `${envelopeHash}:${originatorId}`;

async function writeAttempts(trx: Trx, channel: Address, steps: readonly LedgerCommit[]): Promise<void> {
  const net = new Net<Attempt>();
  for (const { addAttempts = [], removeAttempts = [] } of steps) {
    for (const key of removeAttempts) net.remove(key);
    for (const attempt of addAttempts) net.add(attempt);
  }
  await removeRows(trx, "gateway_attempts", channel, [...net.removed.values()]);
  if (net.added.size === 0) return;
  const rows = [...net.added.values()].map((attempt) => ({
    ...publishOf(channel, attempt),
    payer_envelope: attempt.payerEnvelope,
    reserved_pico: String(attempt.reservedPico),
    reserved_wei: String(attempt.reservedWei),
    started_at: BigInt(attempt.startedAt),
    process: attempt.process ?? null,
  }));
  for (const some of chunksOf(rows, ROWS)) {
    await trx
      .insertInto("gateway_attempts")
      .values(some)
      .onConflict((conflict) =>
        conflict.columns(["channel", "envelope_hash", "originator_id"]).doUpdateSet((eb) => ({
          reserved_wei: eb.ref("excluded.reserved_wei"),
          process: eb.ref("excluded.process"),
        })),
      )
      .execute();
  }
}

async function writeRefusals(trx: Trx, channel: Address, steps: readonly LedgerCommit[]): Promise<void> {
  const net = new Net<Refusal>();
  for (const { addRefusals = [], removeRefusals = [] } of steps) {
    for (const key of removeRefusals) net.remove(key);
    for (const refusal of addRefusals) net.add(refusal);
  }
  // One that is refused again is as good as new.
  await removeRows(trx, "gateway_refusals", channel, [...net.removed.values(), ...net.added.values()]);
  if (net.added.size === 0) return;
  const rows = [...net.added.values()].map((refusal) => ({
    ...publishOf(channel, refusal),
    refused_at: BigInt(refusal.refusedAt),
  }));
  for (const some of chunksOf(rows, ROWS)) await trx.insertInto("gateway_refusals").values(some).execute();
}

function publishOf(channel: Address, { envelopeHash, originatorId, topic, spender }: Attempt | Refusal) {
  return {
    ...{ channel: bytesOf(channel), envelope_hash: bytesOf(envelopeHash), originator_id: BigInt(originatorId), topic },
    ...{ app: spender.app, user_name: spender.user },
  };
}

async function removeRows(
  trx: Trx,
  table: "gateway_attempts" | "gateway_refusals",
  channel: Address,
  keys: readonly AttemptKey[],
): Promise<void> {
  if (keys.length === 0) return;
  await sql`
    delete from ${sql.table(table)} as row using
      unnest(${keys.map(({ envelopeHash }) => bytesOf(envelopeHash))}::bytea[], ${keys.map(({ originatorId }) => originatorId)}::bigint[])
      as gone (envelope_hash, originator_id)
    where row.channel = ${bytesOf(channel)} and row.envelope_hash = gone.envelope_hash
      and row.originator_id = gone.originator_id`.execute(trx);
}

/** The first answer of an envelope stays. */
async function writeAnswers(trx: Trx, channel: Address, steps: readonly LedgerCommit[]): Promise<void> {
  const rows = steps.flatMap(({ answer }) => {
    if (!answer) return [];
    const { envelope, chargedPico, answeredAt } = answer.answer;
    return {
      ...{ channel: bytesOf(channel), envelope_hash: bytesOf(answer.envelopeHash), envelope },
      ...{ charged_pico: String(chargedPico), answered_at: BigInt(answeredAt) },
    };
  });
  if (rows.length === 0) return;
  const isFree = trx.insertInto("gateway_answers").values(rows);
  await isFree.onConflict((conflict) => conflict.doNothing()).execute();
}

async function writeReceipts(trx: Trx, channel: Address, receipts: readonly KeptReceipt[]): Promise<void> {
  if (receipts.length === 0) return;
  const rows = receipts.map(({ originatorId, sequenceId, envelope, keptAt }) => ({
    ...{ channel: bytesOf(channel), originator_id: BigInt(originatorId), sequence_id: String(sequenceId) },
    ...{ envelope, kept_at: BigInt(keptAt), report: null, proof: null, reason: null },
  }));
  await trx
    .insertInto("gateway_receipts")
    .values(rows)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
