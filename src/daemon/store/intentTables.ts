import type { Selectable } from "kysely";

import type { Address } from "../../protocol/bytes.ts";
import type { Attempt, Intent, IntentKind, IntentStore, Lane, NewIntent, Outcome } from "../transactions/ports.ts";
import { bytesOf, hexOf } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import { IntentStateError, NonceTakenError } from "./errors.ts";
import { requireTerm } from "./leadershipTable.ts";
import type { AttemptTable, IntentTable, Reader, Trx } from "./tables.ts";
import { statementsOf } from "./tables.ts";

/** Intents that are kept; older ones that ended are dropped with their calldata, which may be 80 kB. */
const KEPT = 10_000n;

type IntentRow = Selectable<IntentTable>;

/** Intents with their attempts. Each write first asks whether its term is still the newest. */
export class IntentTables implements IntentStore {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async open(from: Address): Promise<Intent[]> {
    const { kysely } = this.#engine;
    const query = kysely.selectFrom("intents").selectAll().where("sender", "=", bytesOf(from));
    return withAttempts(kysely, await query.where("outcome", "is", null).orderBy("nonce").execute());
  }

  async recent(limit: number): Promise<Intent[]> {
    const { kysely } = this.#engine;
    return withAttempts(
      kysely,
      await kysely.selectFrom("intents").selectAll().orderBy("id", "desc").limit(limit).execute(),
    );
  }

  begin(intent: NewIntent, term: bigint): Promise<Intent> {
    return this.#write(term, async (trx) => {
      const row = await trx
        .insertInto("intents")
        .values(toRow(intent))
        .onConflict((conflict) => conflict.doNothing())
        .returning("id")
        .executeTakeFirst();
      if (row) return { ...intent, id: row.id, attempts: [] };
      throw new NonceTakenError(`${intent.from} has an intent with nonce ${intent.nonce} already: take the next nonce`);
    });
  }

  addAttempt(id: bigint, attempt: Attempt, term: bigint): Promise<void> {
    return this.#write(term, async (trx) => {
      await outcomeOf(trx, id);
      await trx
        .insertInto("attempts")
        .values({
          ...{ hash: bytesOf(attempt.hash), intent_id: id, sent_at: BigInt(attempt.sentAt) },
          max_fee_per_gas: String(attempt.maxFeePerGas),
          max_priority_fee_per_gas: String(attempt.maxPriorityFeePerGas),
        })
        // Whoever did not hear that it is on disk says it again.
        .onConflict((conflict) => conflict.column("hash").doNothing())
        .execute();
      const query = trx.selectFrom("attempts").select("intent_id").where("hash", "=", bytesOf(attempt.hash));
      const { intent_id } = await query.executeTakeFirstOrThrow();
      if (intent_id !== id)
        throw new IntentStateError(`${attempt.hash} is an attempt of intent ${intent_id}, not of ${id}`);
    });
  }

  setMined(id: bigint, mined: Intent["mined"], term: bigint): Promise<void> {
    return this.#write(term, async (trx) => {
      await outcomeOf(trx, id);
      await trx
        .updateTable("intents")
        .set({
          mined_hash: mined ? bytesOf(mined.hash) : null,
          mined_block: mined?.blockNumber ?? null,
          mined_block_hash: mined ? bytesOf(mined.blockHash) : null,
        })
        .where("id", "=", id)
        .execute();
    });
  }

  finish(id: bigint, outcome: Outcome, term: bigint): Promise<void> {
    return this.#write(term, async (trx) => {
      const known = await outcomeOf(trx, id);
      if (known !== null && known !== outcome) throw new IntentStateError(`intent ${id} is ${known} and stays it`);
      await trx.updateTable("intents").set({ outcome }).where("id", "=", id).execute();
      await trx
        .deleteFrom("intents")
        .where("id", "<=", id - KEPT)
        .where("outcome", "is not", null)
        .execute();
    });
  }

  reopen(from: Address, aboveBlock: bigint, term: bigint): Promise<void> {
    return this.#write(term, async (trx) => {
      await trx
        .updateTable("intents")
        .set({ outcome: null })
        .where("sender", "=", bytesOf(from))
        .where("mined_block", ">", aboveBlock)
        .where("outcome", "in", ["done", "reverted"])
        .execute();
    });
  }

  #write<T>(term: bigint, work: (trx: Trx) => Promise<T>): Promise<T> {
    return inTransaction(this.#engine, async (trx) => {
      await requireTerm(trx, term);
      return work(trx);
    });
  }
}

/** The outcome of an intent that has to exist. */
async function outcomeOf(trx: Trx, id: bigint): Promise<string | null> {
  const row = await trx.selectFrom("intents").select("outcome").where("id", "=", id).executeTakeFirst();
  if (!row) throw new IntentStateError(`there is no intent ${id}`);
  return row.outcome;
}

async function withAttempts(reader: Reader, rows: readonly IntentRow[]): Promise<Intent[]> {
  const attempts = new Map<bigint, Attempt[]>(rows.map(({ id }) => [id, []]));
  for (const some of statementsOf(rows)) {
    const query = reader
      .selectFrom("attempts")
      .selectAll()
      .where(
        "intent_id",
        "in",
        some.map(({ id }) => id),
      );
    for (const row of await query.orderBy("sent_at").orderBy("hash").execute()) {
      attempts.get(row.intent_id)?.push(toAttempt(row));
    }
  }
  return rows.map((row) => ({ ...toIntent(row), attempts: attempts.get(row.id) ?? [] }));
}

function toRow(intent: NewIntent): Omit<IntentTable, "id"> {
  return {
    ...{ lane: intent.lane, kind: intent.kind, sender: bytesOf(intent.from), nonce: BigInt(intent.nonce) },
    ...{ target: intent.to && bytesOf(intent.to), data: bytesOf(intent.data), created_at: BigInt(intent.createdAt) },
    ...{ gas_limit: String(intent.gasLimit), budget_wei: String(intent.budgetWei) },
    deadline_at: intent.deadlineAt === undefined ? null : String(intent.deadlineAt),
    ...{ mined_hash: null, mined_block: null, mined_block_hash: null, outcome: null },
  };
}

function toIntent(row: IntentRow): Omit<Intent, "attempts"> {
  const { id, mined_hash, mined_block, mined_block_hash } = row;
  const isMined = mined_hash !== null && mined_block !== null && mined_block_hash !== null;
  return {
    ...{ id, lane: row.lane as Lane, kind: row.kind as IntentKind, from: hexOf(row.sender), nonce: Number(row.nonce) },
    ...{ to: row.target && hexOf(row.target), data: hexOf(row.data), createdAt: Number(row.created_at) },
    ...{ gasLimit: BigInt(row.gas_limit), budgetWei: BigInt(row.budget_wei) },
    ...(row.deadline_at === null ? {} : { deadlineAt: BigInt(row.deadline_at) }),
    ...(isMined
      ? { mined: { hash: hexOf(mined_hash), blockNumber: mined_block, blockHash: hexOf(mined_block_hash) } }
      : {}),
    ...(row.outcome === null ? {} : { outcome: row.outcome as Outcome }),
  };
}

function toAttempt(row: AttemptTable): Attempt {
  return {
    hash: hexOf(row.hash),
    maxFeePerGas: BigInt(row.max_fee_per_gas),
    maxPriorityFeePerGas: BigInt(row.max_priority_fee_per_gas),
    sentAt: Number(row.sent_at),
  };
}
