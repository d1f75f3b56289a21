import { sql } from "kysely";

import type { PostgresDatabase } from "../../../platform/database/postgres.ts";
import type { Address, Hex } from "../../../protocol/bytes.ts";
import { toHex } from "../../../protocol/bytes.ts";
import type { LedgerNews, LedgerTurn, OpenRows, SharedLedger, TurnAsk } from "../../ports.ts";
import { readNews } from "./journal.ts";
import type { LockedChannel } from "./lock.ts";
import { lockChannel } from "./lock.ts";
import { spendTotal } from "./spend.ts";
import type { AttemptTable, GatewayTables, Trx } from "./tables.ts";
import { bytesOf, toAttempt, toRefusal } from "./tables.ts";
import { writeState, writeSteps } from "./writeSteps.ts";

/** Of a process that has left: nobody waits for the end of its lease. */
const LONG_AGO = 0n;
/** Of others, at once. */
const STEPS_READ = 500n;

/**
 * Turns of several processes at a channel: who has its row locked.
 * @param token of this process and of no other one: a database that was set back gives numbers out again
 */
export function postgresTurns(database: PostgresDatabase<GatewayTables>, token: string): SharedLedger {
  const { kysely } = database;
  /** Of the last step that the last turn knew of. */
  const marks = new Map<Address, string>();
  return {
    async turn(channel, ask, work) {
      let mark = "";
      const note = (written: string | undefined) => void (mark = written ?? mark);
      const result = await kysely.transaction().execute(async (trx) => {
        const locked = await lockChannel(trx, channel);
        const { state } = locked;
        note(locked.mark);
        // Each after the lock, so that it sees what the one before has committed.
        const process = await holdLease(trx, channel, { ...ask, token }, database);
        const news = await newsSince(trx, channel, { revision: ask.known, mark: marks.get(channel) }, locked);
        const answered = await answeredOf(trx, channel, ask.envelopes);
        return work({ process, state, news, answered, ...actionsOf(trx, channel, process, database, note) });
      });
      marks.set(channel, mark);
      return result;
    },
    async leave(channel, process) {
      const row = kysely.updateTable("gateway_processes").set({ expires_at: LONG_AGO });
      await row.where("id", "=", process).where("channel", "=", bytesOf(channel)).where("token", "=", token).execute();
    },
  };
}

function actionsOf(
  trx: Trx,
  channel: Address,
  process: bigint,
  { now }: Pick<PostgresDatabase<GatewayTables>, "now">,
  note: (mark: string | undefined) => void,
): Pick<LedgerTurn, "load" | "spendTotal" | "commit" | "processes" | "payerEnvelope" | "bury"> {
  return {
    load: () => load(trx, channel, process),
    spendTotal: (scope) => spendTotal(trx, channel, scope),
    commit: async (steps) => note(await writeSteps(trx, channel, steps)),
    async processes() {
      const rows = await trx
        .selectFrom("gateway_processes")
        .select(["id", sql<bigint>`${now()} - expires_at`.as("over_ms")])
        .where("channel", "=", bytesOf(channel))
        .orderBy("id")
        .execute();
      return rows.map(({ id, over_ms }) => ({ id, overMs: Number(over_ms) }));
    },
    async payerEnvelope({ envelopeHash, originatorId }) {
      const row = await trx
        .selectFrom("gateway_attempts")
        .select("payer_envelope")
        .where("channel", "=", bytesOf(channel))
        .where("envelope_hash", "=", bytesOf(envelopeHash))
        .where("originator_id", "=", BigInt(originatorId))
        .executeTakeFirstOrThrow();
      return new Uint8Array(row.payer_envelope);
    },
    async bury(gone, state) {
      note(await writeState(trx, channel, state, state.revision - 1n, [{ revision: state.revision, news: { gone } }]));
      await trx
        .deleteFrom("gateway_processes")
        .where("id", "in", [...gone])
        .execute();
      const theirs = trx
        .updateTable("gateway_attempts")
        .set({ process: null })
        .where("process", "in", [...gone]);
      await theirs.where("channel", "=", bytesOf(channel)).execute();
    },
  };
}

/** Its number, for another lease; a new one when it has none, the old one is another's, or others have taken over what it had. */
async function holdLease(
  trx: Trx,
  channel: Address,
  { process, leaseMs, token }: TurnAsk & { token: string },
  { now }: Pick<PostgresDatabase<GatewayTables>, "now">,
): Promise<bigint> {
  const expires_at = sql<bigint>`${now()} + ${BigInt(leaseMs)}`;
  if (process !== undefined) {
    const own = trx.updateTable("gateway_processes").set({ expires_at }).where("id", "=", process).returning("id");
    if (await own.where("channel", "=", bytesOf(channel)).where("token", "=", token).executeTakeFirst()) return process;
  }
  const entered = trx.insertInto("gateway_processes").values({ channel: bytesOf(channel), expires_at, token });
  return (await entered.returning("id").executeTakeFirstOrThrow()).id;
}

async function newsSince(
  trx: Trx,
  channel: Address,
  { revision: known, mark }: { revision: bigint | undefined; mark: string | undefined },
  { state: { revision }, mark: last }: LockedChannel,
): Promise<LedgerNews[] | undefined> {
  if (known === undefined || known > revision) return undefined;
  if (known === revision) return mark === last ? [] : undefined;
  const steps = trx.selectFrom("gateway_steps").select(["step", "mark"]).where("channel", "=", bytesOf(channel));
  const news: LedgerNews[] = [];
  for (let from = known; from <= revision; from += STEPS_READ) {
    const page = steps.where("revision", ">=", from).where("revision", "<", from + STEPS_READ);
    const rows = await page.orderBy("revision").execute();
    if (from === known) {
      // Before the first step there is none.
      const heard = known === 0n ? "" : rows.shift()?.mark;
      if (heard !== mark) return undefined;
    }
    news.push(...rows.map(({ step }) => readNews(step)));
  }
  return BigInt(news.length) === revision - known ? news : undefined;
}

async function answeredOf(trx: Trx, channel: Address, envelopes: readonly Hex[]): Promise<Set<Hex>> {
  if (envelopes.length === 0) return new Set();
  const rows = await trx
    .selectFrom("gateway_answers")
    .select("envelope_hash")
    .where("channel", "=", bytesOf(channel))
    .where(sql<boolean>`envelope_hash = any(${envelopes.map(bytesOf)}::bytea[])`)
    .execute();
  return new Set(rows.map(({ envelope_hash }) => toHex(envelope_hash)));
}

async function load(trx: Trx, channel: Address, process: bigint): Promise<OpenRows> {
  const { rows: attempts } = await sql<AttemptTable>`
    select channel, envelope_hash, originator_id, topic, reserved_pico, reserved_wei, app, user_name, started_at, process,
      case when process = ${process}::bigint then payer_envelope else ''::bytea end as payer_envelope
    from gateway_attempts where channel = ${bytesOf(channel)} order by started_at`.execute(trx);
  const refusals = trx.selectFrom("gateway_refusals").selectAll().where("channel", "=", bytesOf(channel));
  return {
    attempts: attempts.map(toAttempt),
    refusals: (await refusals.orderBy("refused_at").execute()).map(toRefusal),
  };
}
