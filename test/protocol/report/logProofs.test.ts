import { expect } from "chai";
import fc from "fast-check";

import type { Hex } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import type { LogEntry, LogRange } from "../../../src/protocol/report/leaves.ts";
import { logsTree, rangeTree } from "../../../src/protocol/report/leaves.ts";
import type { EntryProof } from "../../../src/protocol/report/logProofs.ts";
import { isRangeOf, proveEntry, readEntryProof } from "../../../src/protocol/report/logProofs.ts";
import { proveLeaf } from "../../../src/protocol/report/tree.ts";

const LAST = 60n;
const hash = (n: bigint): Hex => `0x${n.toString(16).padStart(64, "0")}`;
const ids = fc.uniqueArray(fc.bigInt({ min: 1n, max: LAST }), { maxLength: 30 });
const entriesOf = (sequenceIds: bigint[]): LogEntry[] =>
  sequenceIds
    .sort((a, b) => (a < b ? -1 : 1))
    .map((sequenceId) => ({ sequenceId, payerEnvelopeHash: hash(sequenceId + 1_000n) }));
const rangeOf = (entries: LogEntry[], originatorId = 100): LogRange => ({
  originatorId,
  firstSequenceId: 1n,
  lastSequenceId: LAST,
  firstMinute: 5,
  lastMinute: 6,
  count: BigInt(entries.length),
  root: rangeTree(entries).root,
});

describe("protocol/report/logProofs", () => {
  it("every id inside the range is proved present with its hash, or absent, never both", () => {
    const property = fc.property(ids, (sequenceIds) => {
      const entries = entriesOf(sequenceIds);
      const [tree, range] = [rangeTree(entries), rangeOf(entries)];
      for (let id = 1n; id <= LAST; id++) {
        const finding = readEntryProof(range, id, proveEntry(tree, entries, id));
        const entry = entries.find(({ sequenceId }) => sequenceId === id);
        expect(finding).to.deep.equal(
          entry ? { kind: "present", payerEnvelopeHash: entry.payerEnvelopeHash } : { kind: "absent" },
        );
      }
    });
    fc.assert(property, { numRuns: 60 });
  });

  it("a proof for one id proves another only where both lie in the same gap", () => {
    const property = fc.property(ids, fc.bigInt({ min: 1n, max: LAST }), (sequenceIds, id) => {
      const entries = entriesOf(sequenceIds);
      const [tree, range] = [rangeTree(entries), rangeOf(entries)];
      const proof = proveEntry(tree, entries, id);
      for (let other = 1n; other <= LAST; other++) {
        const finding = readEntryProof(range, other, proof);
        const entry = entries.find(({ sequenceId }) => sequenceId === other);
        if (finding.kind === "absent") expect(entry).to.equal(undefined);
        if (finding.kind === "present") expect(finding.payerEnvelopeHash).to.equal(entry?.payerEnvelopeHash);
      }
    });
    fc.assert(property, { numRuns: 100 });
  });

  it("outside the range nothing is proved, whatever the entries", () => {
    const entries = entriesOf([1n, 5n, LAST]);
    const tree = rangeTree(entries);
    const narrow = { ...rangeOf(entries), firstSequenceId: 3n, lastSequenceId: 30n };
    for (const id of [0n, 1n, 2n, 31n, LAST]) {
      expect(readEntryProof(narrow, id, proveEntry(tree, entries, id)).kind).to.equal("nothing");
    }
    expect(readEntryProof(narrow, 3n, proveEntry(tree, entries, 3n)).kind).to.equal("absent");
  });

  it("no gap is made of entries that are no neighbours, the wrong way round, of another range, or in excess", () => {
    const entries = entriesOf([10n, 20n, 30n, 40n]);
    const [tree, range] = [rangeTree(entries), rangeOf(entries)];
    const at = (index: number) => ({ ...entries[index]!, proof: proveLeaf(tree, index) });
    const reads = (id: bigint, proof: EntryProof) => readEntryProof(range, id, proof).kind;
    expect(reads(25n, { entries: [at(1), at(2)] })).to.equal("absent");
    expect(reads(25n, { entries: [at(0), at(2)] })).to.equal("nothing");
    expect(reads(20n, { entries: [at(0), at(2)] })).to.equal("nothing");
    expect(reads(25n, { entries: [at(2), at(1)] })).to.equal("nothing");
    expect(reads(25n, { entries: [at(1)] })).to.equal("nothing");
    expect(reads(5n, { entries: [at(1)] })).to.equal("nothing");
    expect(reads(45n, { entries: [at(2)] })).to.equal("nothing");
    expect(reads(20n, { entries: [at(1), at(2)] })).to.equal("nothing");
    expect(reads(25n, { entries: [at(1), at(2), at(3)] })).to.equal("nothing");
    expect(reads(25n, { entries: [] })).to.equal("nothing");
    const other = rangeTree(entriesOf([10n, 20n, 30n, 41n]));
    expect(reads(25n, { entries: [at(1), { ...entries[2]!, proof: proveLeaf(other, 2) }] })).to.equal("nothing");
    const lying = { ...at(1), payerEnvelopeHash: hash(7n) };
    expect(reads(20n, { entries: [lying] })).to.equal("nothing");
  });

  it("an empty range proves every id inside absent", () => {
    const range = rangeOf([]);
    expect(readEntryProof(range, 7n, proveEntry(rangeTree([]), [], 7n)).kind).to.equal("absent");
    expect(readEntryProof({ ...range, root: hash(1n) }, 7n, { entries: [] }).kind).to.equal("nothing");
  });

  it("isRangeOf takes a range with its own proof only", () => {
    const ranges = [100, 200, 300].map((id) => rangeOf(entriesOf([BigInt(id) % 60n]), id));
    const tree = logsTree(ranges);
    for (const [i, range] of ranges.entries()) {
      const proof = proveLeaf(tree, i);
      expect(isRangeOf(tree.root, { range, proof })).to.equal(true);
      expect(isRangeOf(tree.root, { range: { ...range, lastMinute: 7 }, proof })).to.equal(false);
      expect(isRangeOf(hash(1n), { range, proof })).to.equal(false);
      expect(isRangeOf(tree.root, { range: ranges[(i + 1) % 3]!, proof })).to.equal(false);
    }
    expect(toHex(tree.levels[0]!).length).to.equal(2 + 3 * 64);
  });
});
