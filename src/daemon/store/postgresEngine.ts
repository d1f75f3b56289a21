import { sql } from "kysely";

import type { PostgresLimits } from "../../platform/database/postgres.ts";
import { openPostgres } from "../../platform/database/postgres.ts";
import type { Log } from "../../platform/log.ts";
import { keyOf } from "./charges/chargeBook.ts";
import { PICO_PER_DOLLAR, bytesOf, digitsOf } from "./encode.ts";
import type { AccountUsage, Engine } from "./engine.ts";
import type { Tables } from "./tables.ts";

/** A server that several daemons of a node may share. */
export function openPostgresEngine(url: string, log: Log, limits?: PostgresLimits): Engine {
  return {
    ...openPostgres<Tables>(url, log, limits),
    isShared: true,
    size: () => sql`select pg_database_size(current_database())::bigint as database_bytes,
      pg_total_relation_size('charges')::bigint as charges_bytes`,
    addCharges,
    addUsage,
  };
}

/**
 * Sorted, so that two processes with the same digests wait for each other and do not deadlock. What becomes a charge is held
 * no longer, whoever held it.
 */
const addCharges: Engine["addCharges"] = async (trx, generation, charges) => {
  if (charges.length === 0) return [];
  const sorted = [...charges].sort((a, b) =>
    a.digest === b.digest ? Number(a.accountId - b.accountId) : a.digest < b.digest ? -1 : 1,
  );
  const { rows } = await sql<{ digest: Uint8Array; account_id: bigint }>`
    with added as (
      select * from unnest(${sorted.map(({ digest }) => bytesOf(digest))}::bytea[], ${sorted.map(({ accountId }) => accountId)}::bigint[])
        as added (digest, account_id)
    ), metered as (
      delete from reservations using added
      where reservations.account_id = added.account_id and reservations.digest = added.digest
    )
    insert into charges (generation, digest, account_id)
    select ${generation}::bigint, digest, account_id from added
    on conflict do nothing
    returning digest, account_id`.execute(trx);
  const added = new Set(
    rows.map(({ digest, account_id }) => keyOf({ digest: digitsOf(digest), accountId: account_id })),
  );
  return charges.map((charge) => added.has(keyOf(charge)));
};

const addUsage: Engine["addUsage"] = async (trx, usage) => {
  if (usage.length === 0) return;
  const column = (pick: (one: AccountUsage) => bigint) => sql`${usage.map(pick)}::bigint[]`;
  // Locked in the order in which vouchers are raised.
  await sql`
    with added as (
      select * from unnest(${column((one) => one.accountId)}, ${column((one) => one.dollars)}, ${column((one) => one.pico)})
        as added (id, dollars, pico)
    ), locked as (
      select accounts.id from accounts join added using (id) order by accounts.channel for update of accounts
    )
    update accounts set
      usage_dollars = usage_dollars + added.dollars + (usage_pico + added.pico) / ${PICO_PER_DOLLAR}::bigint,
      usage_pico = (usage_pico + added.pico) % ${PICO_PER_DOLLAR}::bigint
    from added join locked using (id)
    where accounts.id = added.id`.execute(trx);
};
