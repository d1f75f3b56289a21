import { expect } from "chai";

import { BLOCK_LEAVES, BlockTops } from "../../../src/protocol/report/blockTree.ts";
import { TreeBuilder, TreeTag, proveLeaf, rootOfProof } from "../../../src/protocol/report/tree.ts";
import { uintWord } from "../../../src/protocol/report/words.ts";

const fieldsOf = (i: number) => uintWord(BigInt(i) * 3n, 64);

describe("protocol/report/blockTree", () => {
  for (const count of [1, 2, 5, BLOCK_LEAVES, BLOCK_LEAVES + 1, 2 * BLOCK_LEAVES + 3, 5 * BLOCK_LEAVES - 1]) {
    it(`proves leaves of a tree of ${count} as the whole tree does`, () => {
      const [tops, builder] = [new BlockTops(TreeTag.range), new TreeBuilder(TreeTag.range)];
      for (let i = 0; i < count; i++) {
        tops.add(fieldsOf(i));
        builder.add(BigInt(i), fieldsOf(i));
      }
      const tree = builder.build();
      tops.finish();
      for (const index of new Set([0, 1, Math.floor(count / 2), count - 2, count - 1])) {
        if (index < 0 || index >= count) continue;
        const first = index - (index % BLOCK_LEAVES);
        const length = Math.min(BLOCK_LEAVES, count - first);
        const proof = tops.prove(
          index,
          Array.from({ length }, (_, i) => fieldsOf(first + i)),
        );
        expect(proof, `leaf ${index}`).to.deep.equal(proveLeaf(tree, index));
        expect(rootOfProof(TreeTag.range, fieldsOf(index), proof)).to.equal(tree.root);
      }
      expect(() => tops.prove(count, [])).to.throw(RangeError);
    });
  }
});
