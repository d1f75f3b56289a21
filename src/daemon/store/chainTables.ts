import type { Address } from "../../protocol/bytes.ts";
import type { ChainProgress, ChannelOnChain, JournalBlock } from "../ports.ts";
import { bytesOf, joinAddresses } from "./encode.ts";
import { ChainOvertakenError } from "./errors.ts";
import type { Trx } from "./tables.ts";
import { statementsOf } from "./tables.ts";

/** What one read of the chain changes. The ledger's row comes first: its lock lets one process at a time do this. */
export async function recordChain(trx: Trx, progress: ChainProgress): Promise<void> {
  const { states, dropFrom, blocks, finalized } = progress;
  await moveCursor(trx, progress);
  if (dropFrom !== undefined) await trx.deleteFrom("journal").where("number", ">=", dropFrom).execute();
  await addBlocks(trx, blocks);
  if (finalized) {
    await trx.deleteFrom("journal").where("number", "<=", finalized.number).execute();
    await trx
      .updateTable("ledger")
      .set({ finalized_number: finalized.number, finalized_hash: bytesOf(finalized.hash) })
      .execute();
  }
  const sorted = [...states].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const some of statementsOf(sorted)) await setStates(trx, some);
}

async function moveCursor(trx: Trx, { readTo, after }: ChainProgress): Promise<void> {
  const update = trx.updateTable("ledger").set({ chain_cursor: readTo });
  const { numUpdatedRows } = await (
    after === undefined ? update : update.where("chain_cursor", after === null ? "is" : "=", after)
  ).executeTakeFirstOrThrow();
  if (numUpdatedRows > 0n) return;
  throw new ChainOvertakenError(`another process has read the chain on from block ${after}: look again`);
}

async function addBlocks(trx: Trx, blocks: readonly JournalBlock[]): Promise<void> {
  for (const some of statementsOf([...new Map(blocks.map((block) => [block.number, block])).values()])) {
    const rows = some.map(({ number, hash, touched }) => ({
      ...{ number, hash: bytesOf(hash), touched: joinAddresses(touched) },
    }));
    await trx
      .insertInto("journal")
      .values(rows)
      .onConflict((conflict) =>
        conflict.column("number").doUpdateSet((eb) => ({
          hash: eb.ref("excluded.hash"),
          touched: eb.ref("excluded.touched"),
        })),
      )
      .execute();
  }
}

async function setStates(trx: Trx, states: readonly (readonly [Address, ChannelOnChain])[]): Promise<void> {
  const rows = states.map(([channel, state]) => ({
    channel: bytesOf(channel),
    deposited: String(state.deposited),
    fees_spent: String(state.feesSpent),
    stamps_spent: String(state.stampsSpent),
    stamps_signed: String(state.stampsSigned),
    pending_withdrawal: String(state.pendingWithdrawal),
  }));
  await trx
    .insertInto("accounts")
    .values(rows)
    .onConflict((conflict) =>
      conflict.column("channel").doUpdateSet((eb) => ({
        deposited: eb.ref("excluded.deposited"),
        fees_spent: eb.ref("excluded.fees_spent"),
        stamps_spent: eb.ref("excluded.stamps_spent"),
        stamps_signed: eb.ref("excluded.stamps_signed"),
        pending_withdrawal: eb.ref("excluded.pending_withdrawal"),
      })),
    )
    .execute();
}
