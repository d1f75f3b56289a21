import type { FaultName } from "../../contracts/faultEvidence.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { Evidence, EvidenceChange, EvidenceKey, EvidenceState, EvidenceStore } from "../faults/ports.ts";
import { bytesOf, hexOf } from "./encode.ts";
import type { Engine } from "./engine.ts";
import { inTransaction } from "../../platform/database/transactions.ts";
import type { EvidenceTable as EvidenceColumns, Trx } from "./tables.ts";

/** Decided evidence that is kept for the operator; older is dropped. */
const KEPT_DECIDED = 200;
const DECIDED: EvidenceState[] = ["paid", "givenUp"];
const SUMMARY = [
  ...(["node_id", "sequence_id", "fault", "state", "commitments", "pieces", "case_id"] as const),
  ...(["executable_at", "reason", "found_at", "changed_at"] as const),
] as const;

type Summary = Pick<EvidenceColumns, (typeof SUMMARY)[number]>;

/** What convicts other nodes, and how far each case is. */
export class EvidenceTable implements EvidenceStore {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async add(evidence: Evidence): Promise<boolean> {
    const [first, second] = evidence.envelopes;
    return inTransaction(this.#engine, async (trx) => {
      const row = await trx
        .insertInto("evidence")
        .values({
          ...{ node_id: BigInt(evidence.nodeId), sequence_id: String(evidence.sequenceId), fault: evidence.fault },
          ...{ first: first!, second: second ?? null, salt: bytesOf(evidence.salt), state: evidence.state },
          ...{ commitments: BigInt(evidence.commitments), pieces: JSON.stringify(evidence.pieces) },
          ...{ case_id: textOf(evidence.caseId), executable_at: textOf(evidence.executableAt) },
          ...{ reason: evidence.reason ?? null, found_at: BigInt(evidence.foundAt) },
          changed_at: BigInt(evidence.changedAt),
        })
        .onConflict((conflict) => conflict.columns(["node_id", "sequence_id"]).doNothing())
        .returning("id")
        .executeTakeFirst();
      await forget(trx);
      return row !== undefined;
    });
  }

  async get({ nodeId, sequenceId }: EvidenceKey): Promise<Evidence | undefined> {
    const row = await this.#engine.kysely
      .selectFrom("evidence")
      .selectAll()
      .where("node_id", "=", BigInt(nodeId))
      .where("sequence_id", "=", String(sequenceId))
      .executeTakeFirst();
    if (!row) return undefined;
    const envelopes = [row.first, row.second].flatMap((bytes) => (bytes ? [new Uint8Array(bytes)] : []));
    return { ...toSummary(row), envelopes, salt: hexOf(row.salt) };
  }

  async has({ nodeId, sequenceId }: EvidenceKey): Promise<boolean> {
    const row = await this.#engine.kysely
      .selectFrom("evidence")
      .select("id")
      .where("node_id", "=", BigInt(nodeId))
      .where("sequence_id", "=", String(sequenceId))
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Only what changes is written: another process may be at another column. */
  async change({ nodeId, sequenceId }: EvidenceKey, change: EvidenceChange, changedAt: number): Promise<void> {
    const { salt, state, commitments, pieces, caseId, executableAt, reason } = change;
    const { numUpdatedRows } = await this.#engine.kysely
      .updateTable("evidence")
      .set({
        changed_at: BigInt(changedAt),
        ...(salt === undefined ? {} : { salt: bytesOf(salt) }),
        ...(state === undefined ? {} : { state }),
        ...(commitments === undefined ? {} : { commitments: BigInt(commitments) }),
        ...(pieces === undefined ? {} : { pieces: JSON.stringify(pieces) }),
        // A key that is there and undefined takes the value away.
        ...("caseId" in change ? { case_id: textOf(caseId) } : {}),
        ...("executableAt" in change ? { executable_at: textOf(executableAt) } : {}),
        ...("reason" in change ? { reason: reason ?? null } : {}),
      })
      .where("node_id", "=", BigInt(nodeId))
      .where("sequence_id", "=", String(sequenceId))
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) throw new Error(`no evidence of node ${nodeId} and sequence id ${sequenceId}`);
  }

  async open(): Promise<EvidenceKey[]> {
    const rows = await this.#engine.kysely
      .selectFrom("evidence")
      .select(["node_id", "sequence_id"])
      .where("state", "not in", DECIDED)
      .orderBy("id")
      .execute();
    return rows.map(({ node_id, sequence_id }) => ({ nodeId: Number(node_id), sequenceId: BigInt(sequence_id) }));
  }

  async openCount(nodeId: number): Promise<number> {
    const { count } = await this.#engine.kysely
      .selectFrom("evidence")
      .select((eb) => eb.fn.countAll<bigint>().as("count"))
      .where("state", "not in", DECIDED)
      .where("node_id", "=", BigInt(nodeId))
      .executeTakeFirstOrThrow();
    return Number(count);
  }

  async latest(limit: number): Promise<Omit<Evidence, "envelopes" | "salt">[]> {
    const query = this.#engine.kysely.selectFrom("evidence").select(SUMMARY);
    return (await query.orderBy("id", "desc").limit(limit).execute()).map(toSummary);
  }

  async comparedTo(originatorId: number, peerId: number): Promise<bigint> {
    const row = await this.#engine.kysely
      .selectFrom("compared")
      .select("sequence_id")
      .where("originator", "=", BigInt(originatorId))
      .where("peer", "=", BigInt(peerId))
      .executeTakeFirst();
    return BigInt(row?.sequence_id ?? 0n);
  }

  async setComparedTo(originatorId: number, peerId: number, sequenceId: bigint): Promise<void> {
    const sequence_id = String(sequenceId);
    await this.#engine.kysely
      .insertInto("compared")
      .values({ originator: BigInt(originatorId), peer: BigInt(peerId), sequence_id })
      .onConflict((conflict) => conflict.columns(["originator", "peer"]).doUpdateSet({ sequence_id }))
      .execute();
  }
}

/** Drops decided evidence beyond what is kept. */
async function forget(trx: Trx): Promise<void> {
  const oldestKept = trx
    .selectFrom("evidence")
    .select("id")
    .where("state", "in", DECIDED)
    .orderBy("id", "desc")
    .limit(1)
    .offset(KEPT_DECIDED - 1);
  await trx.deleteFrom("evidence").where("state", "in", DECIDED).where("id", "<", oldestKept).execute();
}

function toSummary(row: Summary): Omit<Evidence, "envelopes" | "salt"> {
  return {
    ...{ fault: row.fault as FaultName, nodeId: Number(row.node_id), sequenceId: BigInt(row.sequence_id) },
    ...{ state: row.state as EvidenceState, commitments: Number(row.commitments) },
    pieces: JSON.parse(row.pieces) as Address[][],
    ...(row.case_id === null ? {} : { caseId: BigInt(row.case_id) }),
    ...(row.executable_at === null ? {} : { executableAt: BigInt(row.executable_at) }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ...{ foundAt: Number(row.found_at), changedAt: Number(row.changed_at) },
  };
}

const textOf = (value: bigint | undefined) => (value === undefined ? null : String(value));
