import { sql } from "kysely";

import type { Trx } from "./tables.ts";

/** Of what is counted per originator, keeps the newest rows: by their number and not by their age. */
export async function keepNewest(
  trx: Trx,
  [table, column]: ["minutes", "minute"] | ["hours", "hour"],
  originator: bigint,
  kept: number,
): Promise<void> {
  const [rows, time] = [sql.table(table), sql.ref(column)];
  const oldest = sql`select ${time} from ${rows} where originator = ${originator} order by ${time} desc limit 1 offset ${kept - 1}`;
  await sql`delete from ${rows} where originator = ${originator} and ${time} < (${oldest})`.execute(trx);
}
