import type { Selectable } from "kysely";

import type { Address } from "../../../protocol/bytes.ts";
import type { StoredChannel } from "../../ports.ts";
import type { ChannelTable, Trx } from "./tables.ts";
import { bytesOf, toStoredChannel } from "./tables.ts";

const EMPTY = { usage_pico: "0", usage_by_node: "{}", voucher_row: null, doubles: 0n, revision: 0n };

export interface LockedChannel {
  state: StoredChannel;
  mark: string;
}

/** Whoever has the lock is alone with the channel until its transaction ends. Steps of others are in what it says. */
export async function lockChannel(trx: Trx, channel: Address): Promise<LockedChannel> {
  const address = bytesOf(channel);
  const locked = () =>
    trx.selectFrom("gateway_channels").selectAll().where("address", "=", address).forUpdate().executeTakeFirst();
  const row = await locked();
  if (row) return lockedOf(row);
  // Whoever makes it first has the lock; the other one waits here, and then reads it.
  await trx
    .insertInto("gateway_channels")
    .values({ address, ...EMPTY })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return lockedOf((await locked())!);
}

const lockedOf = (row: Selectable<ChannelTable>): LockedChannel => ({ state: toStoredChannel(row), mark: row.mark });
