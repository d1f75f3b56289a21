import type { Address } from "../../protocol/bytes.ts";
import { bytesOf, hexOf } from "./encode.ts";
import type { Trx } from "./tables.ts";
import { statementsOf } from "./tables.ts";

const MOST_REMEMBERED = 50_000;

/** The numbers of accounts. An account keeps its number and never goes away, so what was read once holds. */
export class AccountNumbers {
  readonly #known = new Map<Address, bigint>();

  /** Opens accounts that there are not. `channels` ascend: so two processes open them in one order. */
  async of(trx: Trx, channels: readonly Address[]): Promise<Map<Address, bigint>> {
    const ids = new Map<Address, bigint>();
    for (const channel of channels) {
      const id = this.#known.get(channel);
      if (id !== undefined) ids.set(channel, id);
    }
    const unknown = channels.filter((channel) => !ids.has(channel));
    for (const some of statementsOf(unknown)) {
      for (const [channel, id] of await look(trx, some)) {
        ids.set(channel, id);
        this.#remember(channel, id);
      }
      const missing = some.filter((channel) => !ids.has(channel));
      if (missing.length === 0) continue;
      await trx
        .insertInto("accounts")
        .values(missing.map((channel) => ({ channel: bytesOf(channel) })))
        .onConflict((conflict) => conflict.column("channel").doNothing())
        .execute();
      // Not remembered: if this transaction is rolled back, the next account may get the number.
      for (const [channel, id] of await look(trx, missing)) ids.set(channel, id);
    }
    return ids;
  }

  #remember(channel: Address, id: bigint): void {
    const oldest = this.#known.keys().next();
    if (this.#known.size >= MOST_REMEMBERED && !oldest.done) this.#known.delete(oldest.value);
    this.#known.set(channel, id);
  }
}

async function look(trx: Trx, channels: readonly Address[]): Promise<[Address, bigint][]> {
  const query = trx.selectFrom("accounts").select(["id", "channel"]);
  const rows = await query.where("channel", "in", channels.map(bytesOf)).execute();
  return rows.map(({ id, channel }) => [hexOf(channel), id]);
}
