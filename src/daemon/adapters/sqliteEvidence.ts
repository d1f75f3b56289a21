import type { SqliteDatabase } from "../../platform/sqlite.ts";
import type { FaultName } from "../../contracts/faultEvidence.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import type { Evidence, EvidenceChange, EvidenceKey, EvidenceState, EvidenceStore } from "../faults/ports.ts";

/** Decided evidence that is kept for the operator; older is dropped. */
const KEPT_DECIDED = 200n;

// Sequence ids and cases are decimal text: a liar's may have 64 bits.
export const EVIDENCE_MIGRATION = `
  create table evidence (
    id integer primary key,
    node_id integer not null,
    sequence_id text not null,
    fault text not null,
    first blob not null,
    second blob,
    salt text not null,
    state text not null,
    commitments integer not null,
    pieces text not null,
    case_id text,
    executable_at text,
    reason text,
    found_at integer not null,
    changed_at integer not null,
    unique (node_id, sequence_id)
  );
  create index evidence_by_state on evidence (state, node_id);
  create table compared (
    originator integer not null,
    peer integer not null,
    sequence_id integer not null,
    primary key (originator, peer)
  ) without rowid;`;

interface EvidenceRow {
  node_id: bigint;
  sequence_id: string;
  fault: FaultName;
  first: Uint8Array;
  second: Uint8Array | null;
  salt: Hex;
  state: EvidenceState;
  commitments: bigint;
  pieces: string;
  case_id: string | null;
  executable_at: string | null;
  reason: string | null;
  found_at: bigint;
  changed_at: bigint;
}

const OPEN = "state not in ('paid', 'givenUp')";

/** Evidence in the ledger's database. */
export class SqliteEvidence implements EvidenceStore {
  readonly #database: SqliteDatabase;
  readonly #statements: ReturnType<typeof prepareAll>;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    this.#statements = prepareAll(database);
  }

  async add(evidence: Evidence): Promise<boolean> {
    const [first, second] = evidence.envelopes;
    return this.#database.transaction(() => {
      const { changes } = this.#statements.add.run({
        ...columnsOf(evidence),
        node_id: evidence.nodeId,
        sequence_id: String(evidence.sequenceId),
        fault: evidence.fault,
        first,
        second: second ?? null,
        found_at: evidence.foundAt,
        changed_at: evidence.changedAt,
      });
      this.#statements.forget.run(KEPT_DECIDED);
      return changes === 1;
    })();
  }

  async get(key: EvidenceKey): Promise<Evidence | undefined> {
    const row = this.#row(key);
    return row && toEvidence(row);
  }

  async has({ nodeId, sequenceId }: EvidenceKey): Promise<boolean> {
    return this.#statements.has.get(nodeId, String(sequenceId)) !== undefined;
  }

  async change(key: EvidenceKey, change: EvidenceChange, changedAt: number): Promise<void> {
    this.#database.transaction(() => {
      const row = this.#row(key);
      if (!row) throw new Error(`no evidence of node ${key.nodeId} and sequence id ${key.sequenceId}`);
      this.#statements.change.run({
        ...columnsOf({ ...toEvidence(row), ...change }),
        node_id: key.nodeId,
        sequence_id: String(key.sequenceId),
        changed_at: changedAt,
      });
    })();
  }

  async open(): Promise<EvidenceKey[]> {
    const rows = this.#statements.open.all() as Pick<EvidenceRow, "node_id" | "sequence_id">[];
    return rows.map(({ node_id, sequence_id }) => ({ nodeId: Number(node_id), sequenceId: BigInt(sequence_id) }));
  }

  async openCount(nodeId: number): Promise<number> {
    return Number(this.#statements.openCount.get(nodeId));
  }

  async latest(limit: number): Promise<Omit<Evidence, "envelopes" | "salt">[]> {
    return (this.#statements.latest.all(limit) as EvidenceRow[]).map(toEvidence);
  }

  async comparedTo(originatorId: number, peerId: number): Promise<bigint> {
    return (this.#statements.compared.get(originatorId, peerId) as bigint | undefined) ?? 0n;
  }

  async setComparedTo(originatorId: number, peerId: number, sequenceId: bigint): Promise<void> {
    this.#statements.setCompared.run(originatorId, peerId, sequenceId);
  }

  #row({ nodeId, sequenceId }: EvidenceKey): EvidenceRow | undefined {
    return this.#statements.get.get(nodeId, String(sequenceId)) as EvidenceRow | undefined;
  }
}

function columnsOf(evidence: Evidence) {
  const { salt, state, commitments, pieces, caseId, executableAt, reason } = evidence;
  return {
    ...{ salt, state, commitments, reason: reason ?? null, pieces: JSON.stringify(pieces) },
    case_id: caseId === undefined ? null : String(caseId),
    executable_at: executableAt === undefined ? null : String(executableAt),
  };
}

function toEvidence(row: EvidenceRow): Evidence {
  return {
    fault: row.fault,
    nodeId: Number(row.node_id),
    sequenceId: BigInt(row.sequence_id),
    envelopes: row.second ? [row.first, row.second] : [row.first],
    salt: row.salt,
    state: row.state,
    commitments: Number(row.commitments),
    pieces: JSON.parse(row.pieces) as Address[][],
    ...(row.case_id === null ? {} : { caseId: BigInt(row.case_id) }),
    ...(row.executable_at === null ? {} : { executableAt: BigInt(row.executable_at) }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    foundAt: Number(row.found_at),
    changedAt: Number(row.changed_at),
  };
}

function prepareAll(database: SqliteDatabase) {
  return {
    add: database.prepare(
      `insert or ignore into evidence
         (node_id, sequence_id, fault, first, second, salt, state, commitments, pieces, case_id, executable_at, reason,
          found_at, changed_at)
       values
         (@node_id, @sequence_id, @fault, @first, @second, @salt, @state, @commitments, @pieces, @case_id,
          @executable_at, @reason, @found_at, @changed_at)`,
    ),
    forget: database.prepare(
      `delete from evidence where not (${OPEN}) and id <
         (select min(id) from (select id from evidence where not (${OPEN}) order by id desc limit ?))`,
    ),
    get: database.prepare("select * from evidence where node_id = ? and sequence_id = ?"),
    has: database.prepare("select 1 from evidence where node_id = ? and sequence_id = ?"),
    change: database.prepare(
      `update evidence set salt = @salt, state = @state, commitments = @commitments, pieces = @pieces,
         case_id = @case_id, executable_at = @executable_at, reason = @reason, changed_at = @changed_at
       where node_id = @node_id and sequence_id = @sequence_id`,
    ),
    open: database.prepare(`select node_id, sequence_id from evidence where ${OPEN} order by id`),
    openCount: database.prepare(`select count(*) from evidence where ${OPEN} and node_id = ?`).pluck(),
    latest: database.prepare(
      `select node_id, sequence_id, fault, x'' as first, null as second, '' as salt, state, commitments, pieces,
         case_id, executable_at, reason, found_at, changed_at
       from evidence order by id desc limit ?`,
    ),
    compared: database.prepare("select sequence_id from compared where originator = ? and peer = ?").pluck(),
    setCompared: database.prepare(
      `insert into compared values (?, ?, ?)
       on conflict (originator, peer) do update set sequence_id = excluded.sequence_id`,
    ),
  };
}
