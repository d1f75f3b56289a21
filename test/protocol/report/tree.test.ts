import { expect } from "chai";
import { AbiCoder, concat, keccak256, solidityPacked, toBeHex } from "ethers";
import fc from "fast-check";

import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { concatBytes, fromHex, toHex } from "../../../src/protocol/bytes.ts";
import {
  chargeFields,
  chargesTree,
  logEntryFields,
  logRangeFields,
  logsTree,
  payoutFields,
  payoutsTree,
  rangeTree,
  usageFields,
  usageTree,
} from "../../../src/protocol/report/leaves.ts";
import type { LeafProof, Tree } from "../../../src/protocol/report/tree.ts";
import { TreeBuilder, TreeTag, emptyRoot, proveLeaf, rootOfProof } from "../../../src/protocol/report/tree.ts";
import { uintWord } from "../../../src/protocol/report/words.ts";

const abi = AbiCoder.defaultAbiCoder();
const fieldsOf = (i: number) => concatBytes(uintWord(BigInt(i), 64), uintWord(BigInt(i) * 3n, 64));

function treeOf(count: number, tag: TreeTag = TreeTag.usage): Tree {
  const builder = new TreeBuilder(tag);
  for (let i = 0; i < count; i++) builder.add(BigInt(i) * 2n, fieldsOf(i), BigInt(i));
  return builder.build();
}

/** The root as formats.md says it, by recursion over the leaves: nothing shared with the code under test. */
function rootByTheBook(tag: number, leaves: string[], total: bigint): string {
  let level = leaves;
  while (level.length > 1) {
    const pairs = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => level.slice(2 * i, 2 * i + 2));
    level = pairs.map((pair) => (pair.length === 1 ? pair[0]! : keccak256(concat(["0x01", ...pair]))));
  }
  const top = level[0] ?? toBeHex(0, 32);
  const packed = solidityPacked(["uint8", "uint8", "uint64", "uint128"], [2, tag, leaves.length, total]);
  return keccak256(concat([packed, top]));
}
const leafByTheBook = (tag: number, types: string[], values: unknown[]) =>
  keccak256(concat(["0x00", toBeHex(tag, 1), abi.encode(types, values)]));

const uint = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(toHex);
const small = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const byKey = <T>(item: fc.Arbitrary<T>, keyOf: (item: T) => bigint) =>
  fc
    .uniqueArray(item, { selector: keyOf, maxLength: 12 })
    .map((items) => items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)));
/** Types and values as `abi.encode` takes them, of each kind of leaf; the first value is the key. */
const KINDS = [
  {
    tag: 1,
    types: ["uint32", "uint64", "uint64", "uint32", "uint32", "uint64", "bytes32"],
    names: ["originatorId", "firstSequenceId", "lastSequenceId", "firstMinute", "lastMinute", "count", "root"],
    leaf: fc.tuple(small, uint(64n), uint(64n), small, small, uint(64n), bytes(32)),
    fields: logRangeFields,
    tree: logsTree,
  },
  {
    tag: 2,
    types: ["uint64", "bytes32"],
    names: ["sequenceId", "payerEnvelopeHash"],
    leaf: fc.tuple(uint(64n), bytes(32)),
    fields: logEntryFields,
    tree: rangeTree,
  },
  {
    tag: 3,
    types: ["address", "uint128", "uint64"],
    names: ["channel", "usagePico", "authorisedAmount"],
    // Twelve of them stay within the 128 bits of a total.
    leaf: fc.tuple(bytes(20), uint(120n), uint(64n)),
    fields: usageFields,
    tree: usageTree,
    amount: 1,
  },
  {
    tag: 4,
    types: ["address", "uint64"],
    names: ["channel", "cumulativeAmount"],
    leaf: fc.tuple(bytes(20), uint(64n)),
    fields: chargeFields,
    tree: chargesTree,
    amount: 1,
  },
  {
    tag: 5,
    types: ["address", "uint64"],
    names: ["account", "amount"],
    leaf: fc.tuple(bytes(20), uint(64n)),
    fields: payoutFields,
    tree: payoutsTree,
    amount: 1,
  },
];

describe("protocol/report/tree", () => {
  for (const { tag, types, names, leaf, fields, tree, amount } of KINDS) {
    it(`trees with tag ${tag} are as formats.md says: leaves, nodes, totals, roots`, () => {
      const leaves = byKey(leaf as fc.Arbitrary<unknown[]>, (values) => BigInt(values[0] as Hex));
      const property = fc.property(leaves, (rows) => {
        const named = rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])));
        const hashes = rows.map((row, i) => leafByTheBook(tag, ["uint256", ...types], [i, ...row]));
        const total = amount === undefined ? 0n : rows.reduce((sum, row) => sum + BigInt(row[amount] as bigint), 0n);
        const built = (tree as (leaves: unknown[]) => Tree)(named);
        expect(built.root).to.equal(rootByTheBook(tag, hashes, total));
        for (const [i, row] of named.entries()) {
          const encoded = (fields as (row: unknown) => Uint8Array)(row);
          expect(rootOfProof(built.tag, encoded, proveLeaf(built, i))).to.equal(built.root);
        }
      });
      fc.assert(property, { numRuns: 60 });
    });
  }

  it("case 31: every leaf of every small tree is proved, with its own index and fields only", () => {
    for (let count = 1; count <= 20; count++) {
      const tree = treeOf(count);
      for (let i = 0; i < count; i++) {
        const proof = proveLeaf(tree, i);
        expect(rootOfProof(tree.tag, fieldsOf(i), proof)).to.equal(tree.root);
        for (let other = 0; other < count; other++) {
          if (other === i) continue;
          expect(rootOfProof(tree.tag, fieldsOf(i), { ...proof, index: other })).not.to.equal(tree.root);
          expect(rootOfProof(tree.tag, fieldsOf(other), proof)).not.to.equal(tree.root);
        }
      }
    }
  });

  it("case 31: a changed count, total, tag, sibling, one more or less proves nothing", () => {
    const word: Hex = `0x${"11".repeat(32)}`;
    const property = fc.property(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat(), (count, seed, seed2) => {
      const tree = treeOf(count);
      const index = seed % count;
      const proof = proveLeaf(tree, index);
      const { siblings } = proof;
      const at = seed2 % (siblings.length + 1);
      const changed: LeafProof[] = [
        { ...proof, count: count + 1 },
        { ...proof, count: count - 1 },
        { ...proof, total: proof.total + 1n },
        { ...proof, total: -1n },
        { ...proof, total: 2n ** 128n },
        { ...proof, index: -1 },
        { ...proof, index: index + 0.5 },
        { ...proof, index: count },
        { ...proof, count: Number.NaN },
        { ...proof, siblings: [...siblings.slice(0, at), word, ...siblings.slice(at)] },
        { ...proof, siblings: [...siblings, "0x11"] },
      ];
      if (siblings.length > 0) {
        changed.push({ ...proof, siblings: siblings.slice(1) });
        changed.push({
          ...proof,
          siblings: siblings.map((sibling, i) => (i === at % siblings.length ? word : sibling)),
        });
        changed.push({ ...proof, siblings: [] });
      }
      for (const bad of changed) expect(rootOfProof(tree.tag, fieldsOf(index), bad)).not.to.equal(tree.root);
      for (const tag of Object.values(TreeTag)) {
        if (tag !== tree.tag) expect(rootOfProof(tag, fieldsOf(index), proof)).not.to.equal(tree.root);
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  it("case 31: a node's two hashes are no leaf of 64 bytes, and a one-leaf tree proves its leaf and nothing else", () => {
    const tree = treeOf(4, TreeTag.range);
    const node = tree.levels[0]!.subarray(0, 64);
    for (const count of [2, 4]) {
      const proof = { index: 0, count, total: tree.total, siblings: [toHex(tree.levels[1]!.subarray(32, 64))] };
      expect(rootOfProof(tree.tag, node, proof)).not.to.equal(tree.root);
    }
    const one = treeOf(1);
    const proof = proveLeaf(one, 0);
    expect(proof.siblings).to.deep.equal([]);
    expect(rootOfProof(one.tag, fieldsOf(0), proof)).to.equal(one.root);
    expect(rootOfProof(one.tag, fieldsOf(1), proof)).not.to.equal(one.root);
    // The empty proof, against a root that is a leaf's or a node's hash and no root.
    expect(rootOfProof(one.tag, fieldsOf(0), proof)).not.to.equal(toHex(one.levels[0]!));
  });

  it("an empty tree has count 0 and top 0, and proves nothing", () => {
    for (const tag of Object.values(TreeTag)) {
      const tree = new TreeBuilder(tag).build();
      expect(tree.root).to.equal(emptyRoot(tag));
      expect(tree.root).to.equal(rootByTheBook(tag, [], 0n));
      expect(() => proveLeaf(tree, 0)).to.throw(RangeError);
      expect(rootOfProof(tag, fieldsOf(0), { index: 0, count: 0, total: 0n, siblings: [] })).to.equal(undefined);
    }
  });

  it("refuses leaves that do not ascend, twice the same included, and amounts without room", () => {
    const builder = new TreeBuilder(TreeTag.usage);
    builder.add(5n, fieldsOf(1));
    for (const key of [5n, 4n, 0n]) expect(() => builder.add(key, fieldsOf(2))).to.throw(RangeError, "ascend");
    const channel: Address = `0x${"01".repeat(20)}`;
    expect(() => usageTree([{ channel, usagePico: 2n ** 128n, authorisedAmount: 0n }])).to.throw(RangeError);
    expect(() => payoutsTree([{ account: channel, amount: 2n ** 64n }])).to.throw(RangeError);
    expect(() => rangeTree([{ sequenceId: 1n, payerEnvelopeHash: "0x01" }])).to.throw(RangeError);
  });

  it("a builder that grew is as one that had room, and a proof out of range is refused", () => {
    const tree = treeOf(1_000);
    const hashes = Array.from({ length: 1_000 }, (_, i) =>
      leafByTheBook(3, ["uint256", "uint256", "uint256"], [i, i, i * 3]),
    );
    expect(tree.root).to.equal(rootByTheBook(3, hashes, 499_500n));
    for (const index of [-1, 1_000, 0.5]) expect(() => proveLeaf(tree, index)).to.throw(RangeError);
    expect(toHex(fromHex(tree.root))).to.equal(tree.root);
  });
});
