import { expect } from "chai";
import { Interface, Wallet, ZeroAddress, computeAddress, hexlify, toBeHex, toUtf8Bytes } from "ethers";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import type { World } from "./fixtures.ts";
import { USD, deployedWorld, passEpochs, registerNode } from "./fixtures.ts";

const keyOf = (i: number) => new Wallet(toBeHex(0x9000 + i, 32)).signingKey.publicKey;
const URL = "https://node.example";
const BOND = 10_000n * USD;

/** The ABI that a stock node reads with. */
const STOCK = new Interface([
  "function getAllNodes() view returns (tuple(uint32 nodeId, tuple(address signer, bool isCanonical, bytes signingPublicKey, string httpAddress) node)[])",
  "function getNode(uint32) view returns (tuple(address signer, bool isCanonical, bytes signingPublicKey, string httpAddress))",
]);

const idsOf = async ({ nodeRegistry }: World) => (await nodeRegistry.getAllNodes()).map(({ nodeId }) => nodeId);

describe("NodeRegistry", () => {
  describe("register", () => {
    it("gives ids 100, 200, ..., takes the bond and a seat from the next epoch on", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeBond, operator } = world;
      const registry = nodeRegistry.connect(operator);
      const signer = computeAddress(keyOf(0));
      const epoch = await nodeRegistry.currentEpoch();
      const registering = registry.register(keyOf(0), URL, operator);
      await expect(registering)
        .to.emit(nodeRegistry, "NodeRegistered")
        .withArgs(100n, operator.address, signer, keyOf(0), URL, operator.address);
      await expect(registering)
        .to.emit(nodeRegistry, "SeatTaken")
        .withArgs(100n, epoch + 1n, 1n);
      await expect(registering).to.emit(nodeBond, "StakePosted").withArgs(100n, operator.address, BOND);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(false);
      await passEpochs(world, 1);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(true);
      expect(await nodeRegistry.ownerOf(100n)).to.equal(operator.address);
      await registry.register(keyOf(1), URL, operator);
      expect(await idsOf(world)).to.deep.equal([100n, 200n]);
    });

    it("reads with a stock node's ABI", async () => {
      const world = await deployedWorld();
      await world.nodeRegistry.connect(world.operator).register(keyOf(0), URL, world.operator);
      await passEpochs(world, 1);
      const call = async (name: string, args: unknown[]) => {
        const to = await world.nodeRegistry.getAddress();
        const data = STOCK.encodeFunctionData(name, args);
        return STOCK.decodeFunctionResult(name, await world.ethers.provider.call({ to, data }));
      };
      const node = [computeAddress(keyOf(0)), true, keyOf(0), URL];
      expect((await call("getAllNodes", []))[0]).to.deep.equal([[100n, node]]);
      expect((await call("getNode", [100n]))[0]).to.deep.equal(node);
    });

    it("refuses keys that are no 65-byte point of the curve", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator } = world;
      const good = keyOf(0).slice(4);
      const [x, y] = [good.slice(0, 64), good.slice(64)];
      const offCurve = `0x04${x}${toBeHex(BigInt(`0x${y}`) ^ 1n, 32).slice(2)}`;
      const field = "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f";
      const keys = ["0x", `0x03${good}`, `0x04${x}`, `0x04${good}00`, offCurve, `0x04${field}${y}`, `0x04${x}${field}`];
      for (const bad of [...keys, `0x04${"00".repeat(64)}`]) {
        await expect(nodeRegistry.connect(operator).register(bad, URL, operator))
          .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryKeyNotAPoint")
          .withArgs(bad);
      }
    });

    it("refuses a key that a live node has", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator, stranger } = world;
      await nodeRegistry.connect(operator).register(keyOf(0), URL, operator);
      await expect(nodeRegistry.connect(stranger).register(keyOf(0), URL, stranger))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryKeyTaken")
        .withArgs(computeAddress(keyOf(0)), 100n);
    });

    it("case 28: bounds addresses: 10 kB, empty, no scheme, spaces and other alphabets are refused", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator } = world;
      const registry = nodeRegistry.connect(operator);
      const bad = ["", "http://", "https://", "ftp://node", "node.example", "http://a b", "http://n\u00f6de"];
      for (const address of [...bad, `https://${"a".repeat(193)}`, `https://${"a".repeat(10_000)}`]) {
        await expect(registry.register(keyOf(0), address, operator)).to.be.revertedWithCustomError(
          nodeRegistry,
          "NodeRegistryHttpAddressInvalid",
        );
      }
      // Bytes that are no UTF-8: the text "http://" followed by 0xff, which ethers would not encode itself.
      const encoded = registry.interface.encodeFunctionData("register", [keyOf(0), "http://a", operator.address]);
      const data = encoded.replace(hexlify(toUtf8Bytes("http://a")).slice(2), "687474703a2f2fff");
      const error: unknown = await operator
        .sendTransaction({ to: await nodeRegistry.getAddress(), data })
        .catch((caught: unknown) => caught);
      expect(decodeRevert(error)).to.deep.include({ name: "NodeRegistryHttpAddressInvalid" });
      await registry.register(keyOf(0), `https://${"a".repeat(192)}`, operator);
    });

    it("refuses without a bond or with the zero address as payout", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator, settler } = world;
      await expect(nodeRegistry.connect(operator).register(keyOf(0), URL, ZeroAddress))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryPayoutNotAllowed")
        .withArgs(ZeroAddress);
      const error: unknown = await nodeRegistry
        .connect(settler)
        .register(keyOf(0), URL, settler)
        .catch((caught: unknown) => caught);
      expect(decodeRevert(error)).to.deep.include({ contract: "token", name: "ERC20InsufficientAllowance" });
    });
  });

  describe("seats", () => {
    it("are limited; a node without one takes it when another has left", async () => {
      const world = await deployedWorld({ maxSeats: 2 });
      const { nodeRegistry, operator } = world;
      const registry = nodeRegistry.connect(operator);
      for (let i = 0; i < 3; i++) await registerNode(world, i, operator.address);
      await passEpochs(world, 1);
      expect(await nodeRegistry.seatsAt(await nodeRegistry.currentEpoch())).to.equal(2n);
      expect(await nodeRegistry.isCanonical(300n)).to.equal(false);
      await expect(registry.takeSeat(300n))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNoFreeSeat")
        .withArgs(2n, 2n);
      await expect(registry.takeSeat(100n))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryAlreadySeated")
        .withArgs(100n);
      await registry.exit(100n);
      await registry.takeSeat(300n);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(true);
      expect(await nodeRegistry.isCanonical(300n)).to.equal(false);
      await passEpochs(world, 1);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(false);
      expect(await nodeRegistry.isCanonical(300n)).to.equal(true);
    });

    it("keep their history: what past epochs had stays", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator } = world;
      const start = await nodeRegistry.currentEpoch();
      await registerNode(world, 0, operator.address);
      await passEpochs(world, 5);
      await nodeRegistry.connect(operator).exit(100n);
      await passEpochs(world, 5);
      await registerNode(world, 1, operator.address);
      const stretches = await nodeRegistry.stretchesOf(100n, 0, 10);
      expect(stretches).to.deep.equal([
        [start + 1n, 1n],
        [start + 6n, 0n],
      ]);
      expect(await nodeRegistry.serviceOf(100n)).to.deep.equal([operator.address, 2n, [start + 6n, 0n]]);
      expect(await nodeRegistry.nextSeatedEpoch(start)).to.deep.equal([true, start + 1n, 1n]);
      expect(await nodeRegistry.nextSeatedEpoch(start + 5n)).to.deep.equal([true, start + 5n, 1n]);
      expect(await nodeRegistry.nextSeatedEpoch(start + 6n)).to.deep.equal([true, start + 11n, 1n]);
      await nodeRegistry.connect(operator).exit(200n);
      expect(await nodeRegistry.nextSeatedEpoch(start + 6n)).to.deep.equal([false, 0n, 0n]);
    });
  });

  describe("exit and withdrawStake", () => {
    it("return the bond once the exit took effect, and free the key", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeBond, operator, stranger } = world;
      const registry = nodeRegistry.connect(operator);
      await registry.register(keyOf(0), URL, operator);
      await passEpochs(world, 1);
      await expect(registry.withdrawStake(100n, operator))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotLeaving")
        .withArgs(100n, 1n);
      const epoch = await nodeRegistry.currentEpoch();
      await expect(registry.exit(100n))
        .to.emit(nodeRegistry, "ExitStarted")
        .withArgs(100n, epoch + 1n);
      await expect(registry.exit(100n)).to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotLive");
      await expect(registry.withdrawStake(100n, operator))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryExitNotReached")
        .withArgs(epoch + 1n, epoch);
      await passEpochs(world, 1);
      await expect(nodeRegistry.connect(stranger).withdrawStake(100n, stranger))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotOwner")
        .withArgs(stranger.address, 100n);
      await expect(registry.withdrawStake(100n, operator))
        .to.emit(nodeBond, "StakeReleased")
        .withArgs(100n, operator.address, BOND);
      expect(await idsOf(world)).to.deep.equal([]);
      // What it signed stays signed.
      expect((await nodeRegistry.getNode(100n)).signer).to.equal(computeAddress(keyOf(0)));
      await registry.register(keyOf(0), URL, operator);
      expect(await idsOf(world)).to.deep.equal([200n]);
    });

    it("case 29: a full registry with a removal in the middle skips and doubles no id", async () => {
      const world = await deployedWorld({ maxSeats: 90, bondAmount: USD });
      const { nodeRegistry, operator } = world;
      for (let i = 0; i < 92; i++) await registerNode(world, i, operator.address);
      await passEpochs(world, 1);
      await nodeRegistry.connect(operator).exit(4_500n);
      await passEpochs(world, 1);
      await nodeRegistry.connect(operator).withdrawStake(4_500n, operator);
      const ids = (await idsOf(world)).toSorted((a, b) => Number(a - b));
      const expected = Array.from({ length: 92 }, (_, i) => BigInt(i + 1) * 100n).filter((id) => id !== 4_500n);
      expect(ids).to.deep.equal(expected);
      expect((await nodeRegistry.getAllNodes()).filter(({ node }) => node.isCanonical)).to.have.length(89);
    });
  });

  describe("setHttpAddress and setPayout", () => {
    it("are the token owner's, also after a transfer", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator, stranger } = world;
      const registry = nodeRegistry.connect(operator);
      await registry.register(keyOf(0), URL, operator);
      await registry.transferFrom(operator, stranger, 100n);
      await expect(registry.setHttpAddress(100n, URL))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotOwner")
        .withArgs(operator.address, 100n);
      await expect(nodeRegistry.connect(stranger).setHttpAddress(100n, "http://10.0.0.1:5050"))
        .to.emit(nodeRegistry, "HttpAddressSet")
        .withArgs(100n, "http://10.0.0.1:5050");
      await expect(nodeRegistry.connect(stranger).setPayout(100n, stranger))
        .to.emit(nodeRegistry, "PayoutSet")
        .withArgs(100n, stranger.address);
      expect(await nodeRegistry.payoutOf(100n)).to.equal(stranger.address);
    });
  });

  describe("getNode", () => {
    it("refuses an unknown id", async () => {
      const { nodeRegistry } = await deployedWorld();
      await expect(nodeRegistry.getNode(100n))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryUnknownNode")
        .withArgs(100n);
    });
  });
});

describe("NodeBond", () => {
  it("obeys the registry only", async () => {
    const { nodeBond, nodeRegistry, stranger } = await deployedWorld();
    const registry = await nodeRegistry.getAddress();
    for (const call of ["post", "release"] as const) {
      await expect(nodeBond.connect(stranger)[call](100n, stranger))
        .to.be.revertedWithCustomError(nodeBond, "NodeStakeNotRegistry")
        .withArgs(stranger.address, registry);
    }
  });
});
