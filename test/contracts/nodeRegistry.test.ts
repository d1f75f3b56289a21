import { expect } from "chai";

import { deployedWorld, passEpochs, registerNode } from "./fixtures.ts";

describe("NodeRegistry", () => {
  it("gives ids 100, 200, ... and a seat from the next epoch on", async () => {
    const world = await deployedWorld();
    const { nodeRegistry, operator } = world;
    expect(await registerNode(world, 0, operator.address)).to.equal(100n);
    expect(await registerNode(world, 1, operator.address)).to.equal(200n);
    expect(await nodeRegistry.isCanonical(100n)).to.equal(false);
    await passEpochs(world, 1);
    expect(await nodeRegistry.isCanonical(100n)).to.equal(true);
  });
});
