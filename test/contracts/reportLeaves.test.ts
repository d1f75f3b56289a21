import { expect } from "chai";
import type { Contract } from "ethers";
import { ContractFactory } from "ethers";
import fc from "fast-check";
import { network } from "hardhat";

import { readArtifact } from "../../src/deployment/readArtifact.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { chargesTree, logsTree, payoutsTree, rangeTree, usageTree } from "../../src/protocol/report/leaves.ts";
import type { Tree } from "../../src/protocol/report/tree.ts";
import { proveLeaf } from "../../src/protocol/report/tree.ts";
import type { Network } from "./fixtures.ts";

const uint = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(toHex);
const small = uint(32n).map(Number);
const lists = <T>(item: fc.Arbitrary<T>, keyOf: (item: T) => bigint) =>
  fc
    .uniqueArray(item, { selector: keyOf, maxLength: 9 })
    .map((items) => items.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)));

const ranges = fc.record({
  originatorId: small,
  firstSequenceId: uint(64n),
  lastSequenceId: uint(64n),
  firstMinute: small,
  lastMinute: small,
  count: uint(64n),
  root: bytes(32),
});
const entries = fc.record({ sequenceId: uint(64n), payerEnvelopeHash: bytes(32) });
const usages = fc.record({ channel: bytes(20), usagePico: uint(120n), authorisedAmount: uint(64n) });
const charges = fc.record({ channel: bytes(20), cumulativeAmount: uint(64n) });
const payouts = fc.record({ account: bytes(20), amount: uint(64n) });

describe("ReportLeaves and MerkleTree", function () {
  this.timeout(180_000);
  let net: Network;
  let harness: Contract;
  before(async () => {
    net = await network.create({ network: "local", chainType: "l1" });
    const [signer] = await net.ethers.getSigners();
    const { abi, bytecode } = readArtifact("test/support/ReportLeavesHarness.sol");
    harness = (await new ContractFactory(abi, bytecode, signer).deploy()) as Contract;
  });
  after(() => net.close());

  /** Every leaf, the root and every proof are the same in both languages. */
  async function agrees<T>(items: T[], tree: Tree, leaf: string, argsOf: (item: T) => unknown[]): Promise<void> {
    const hashes: string[] = [];
    for (const [i, item] of items.entries()) {
      hashes.push((await harness.getFunction(leaf)(i, ...argsOf(item))) as string);
      expect(hashes[i]).to.equal(toHex(tree.levels[0]!.subarray(32 * i, 32 * i + 32)));
    }
    expect(await harness.getFunction("rootOf")(tree.tag, tree.total, hashes)).to.equal(tree.root);
    for (const i of items.keys()) {
      const proof = proveLeaf(tree, i);
      const isUnder = (hash: string, changes = {}) =>
        harness.getFunction("isUnder")(tree.root, tree.tag, hash, { ...proof, ...changes }) as Promise<boolean>;
      expect(await isUnder(hashes[i]!)).to.equal(true);
      // Case 31.
      expect(await isUnder(tree.root)).to.equal(false);
      expect(await isUnder(hashes[i]!, { count: proof.count + 1 })).to.equal(false);
      expect(await isUnder(hashes[i]!, { index: items.length })).to.equal(false);
      expect(await isUnder(hashes[i]!, { total: proof.total + 1n })).to.equal(false);
      expect(await isUnder(hashes[i]!, { siblings: [...proof.siblings, tree.root] })).to.equal(false);
      if (items.length > 1) expect(await isUnder(hashes[i]!, { siblings: [] })).to.equal(false);
    }
  }

  const cases: [name: string, property: fc.IAsyncProperty<unknown>][] = [
    [
      "logs",
      fc.asyncProperty(
        lists(ranges, (r) => BigInt(r.originatorId)),
        (items) => agrees(items, logsTree(items), "ofRange", (r) => [r]),
      ),
    ],
    [
      "range",
      fc.asyncProperty(
        lists(entries, (e) => e.sequenceId),
        (items) => agrees(items, rangeTree(items), "ofEntry", (e) => Object.values(e)),
      ),
    ],
    [
      "usage",
      fc.asyncProperty(
        lists(usages, (u) => BigInt(u.channel)),
        (items) => agrees(items, usageTree(items), "ofUsage", (u) => Object.values(u)),
      ),
    ],
    [
      "charges",
      fc.asyncProperty(
        lists(charges, (c) => BigInt(c.channel)),
        (items) => agrees(items, chargesTree(items), "ofCharge", (c) => Object.values(c)),
      ),
    ],
    [
      "payouts",
      fc.asyncProperty(
        lists(payouts, (p) => BigInt(p.account)),
        (items) => agrees(items, payoutsTree(items), "ofPayout", (p) => Object.values(p)),
      ),
    ],
  ];
  for (const [name, property] of cases) {
    it(`agree with TypeScript on random trees of ${name}`, () =>
      fc.assert(property as fc.IAsyncProperty<[unknown]>, { numRuns: 12 }));
  }
});
