import { COMMIT_ORIGINATOR, IDENTITY_ORIGINATOR } from "../../protocol/envelope.ts";
import type { SqliteDatabase } from "../../platform/sqlite.ts";
import type { Hex } from "../../protocol/bytes.ts";
import type { ChainBlock } from "../ports.ts";

/** Entries of the journal; an older reorganisation makes the node index from the start, which is slow and right. */
const JOURNAL_LENGTH = 1_000;

export interface Link {
  /** IdentifierKind of the wire: 1 ethereum, 2 passkey. */
  kind: number;
  identifier: string;
  inboxId: string;
}

/** What the node keeps about the chain: the journal of indexed blocks, and which inbox an identifier belongs to. */
export class ChainTables {
  readonly #statements;

  constructor(database: SqliteDatabase) {
    this.#statements = {
      journal: database.prepare<[], { number: bigint; hash: Hex }>(
        "select number, hash from chain_journal order by number desc",
      ),
      cursor: database.prepare<[], { number: bigint; hash: Hex }>(
        "select number, hash from chain_journal order by number desc limit 1",
      ),
      record: database.prepare("insert into chain_journal values (?, ?)"),
      trim: database.prepare(
        `delete from chain_journal where number <=
           (select number from chain_journal order by number desc limit 1 offset ${JOURNAL_LENGTH})`,
      ),
      forgetBlocks: database.prepare("delete from chain_journal where number > ?"),
      forgetEnvelopes: database.prepare("delete from envelopes where block_number > ?"),
      forgetLinks: database.prepare("delete from links where linked_block > ?"),
      unrevoke: database.prepare("update links set revoked_block = null where revoked_block > ?"),
      forgetOriginators: database.prepare(
        `delete from originators where originator in (${COMMIT_ORIGINATOR}, ${IDENTITY_ORIGINATOR})`,
      ),
      recountOriginators: database.prepare(
        `insert into originators select originator, max(sequence_id), max(originator_ns) from envelopes
         where originator in (${COMMIT_ORIGINATOR}, ${IDENTITY_ORIGINATOR}) group by originator`,
      ),
      link: database.prepare("insert into links values (?, ?, ?, ?, ?, null)"),
      revoke: database.prepare(
        `update links set revoked_block = ?
         where kind = ? and identifier = ? and inbox_id = ? and revoked_block is null`,
      ),
      inboxOf: database.prepare<[number, string], { inbox_id: string }>(
        `select inbox_id from links where kind = ? and identifier = ? and revoked_block is null
         order by sequence_id desc limit 1`,
      ),
    };
  }

  /** The block up to which everything is indexed. */
  cursor(): ChainBlock | undefined {
    const row = this.#statements.cursor.get();
    return row && { number: Number(row.number), hash: row.hash };
  }

  /** Newest first. */
  journal(): ChainBlock[] {
    return this.#statements.journal.all().map(({ number, hash }) => ({ number: Number(number), hash }));
  }

  /** Inside a transaction. */
  advance({ number, hash }: ChainBlock): void {
    this.#statements.record.run(number, hash);
    this.#statements.trim.run();
  }

  /** Forgets what came after block `number`. Inside a transaction. */
  rollBack(number: number): void {
    this.#statements.forgetBlocks.run(number);
    this.#statements.forgetEnvelopes.run(number);
    this.#statements.forgetLinks.run(number);
    this.#statements.unrevoke.run(number);
    this.#statements.forgetOriginators.run();
    this.#statements.recountOriginators.run();
  }

  /** Inside a transaction. */
  link({ kind, identifier, inboxId }: Link, sequenceId: bigint, blockNumber: number): void {
    this.#statements.link.run(kind, identifier, inboxId, sequenceId, blockNumber);
  }

  /** Inside a transaction. */
  revoke({ kind, identifier, inboxId }: Link, blockNumber: number): void {
    this.#statements.revoke.run(blockNumber, kind, identifier, inboxId);
  }

  /** The inbox that linked the identifier last and has not revoked it. */
  inboxOf(kind: number, identifier: string): string | undefined {
    return this.#statements.inboxOf.get(kind, identifier)?.inbox_id;
  }
}
