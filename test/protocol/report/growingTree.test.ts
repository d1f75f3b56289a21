import { expect } from "chai";

import { GrowingTree } from "../../../src/protocol/report/growingTree.ts";
import { TreeBuilder, TreeTag } from "../../../src/protocol/report/tree.ts";
import { uintWord } from "../../../src/protocol/report/words.ts";

describe("protocol/report/growingTree", () => {
  it("has the root of the whole tree at every size", () => {
    const growing = new GrowingTree(TreeTag.usage);
    const builder = new TreeBuilder(TreeTag.usage);
    for (let i = 0; i < 70; i++) {
      expect(growing.root(), `${i} leaves`).to.equal(builder.build().root);
      growing.add(uintWord(BigInt(i), 64), BigInt(i) * 5n);
      builder.add(BigInt(i), uintWord(BigInt(i), 64), BigInt(i) * 5n);
    }
    expect(growing.root()).to.equal(builder.build().root);
  });

  it("grows apart from its copies", () => {
    const one = new GrowingTree(TreeTag.range);
    for (let i = 0; i < 6; i++) one.add(uintWord(BigInt(i), 64));
    const [root, other] = [one.root(), one.clone()];
    other.add(uintWord(7n, 64));
    other.add(uintWord(8n, 64));
    expect(one.root()).to.equal(root);
    expect(one.count).to.equal(6);
    one.add(uintWord(7n, 64));
    one.add(uintWord(8n, 64));
    expect(one.root()).to.equal(other.root());
  });
});
