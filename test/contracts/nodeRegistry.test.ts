import { expect } from "chai";
import { Interface, ZeroAddress, computeAddress, hexlify, toBeHex, toUtf8Bytes } from "ethers";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import type { World } from "./fixtures.ts";
import {
  DAY,
  TOKEN,
  deployedWorld,
  passEpochs,
  register,
  registerNode,
  registrationOf,
  signingKey,
} from "./fixtures.ts";

const MINIMUM = 10_000n * TOKEN;
const Phase = { unknown: 0n, live: 1n, leaving: 2n, left: 3n };

const NODE = [
  { name: "signer", type: "address", internalType: "address" },
  { name: "isCanonical", type: "bool", internalType: "bool" },
  { name: "signingPublicKey", type: "bytes", internalType: "bytes" },
  { name: "httpAddress", type: "string", internalType: "string" },
];
const NODE_WITH_ID = [
  { name: "nodeId", type: "uint32", internalType: "uint32" },
  { name: "node", type: "tuple", internalType: "struct INodeRegistry.Node", components: NODE },
];
/** What a stock node reads with: the entries of xmtpd's binding. */
const STOCK = new Interface([
  {
    type: "function",
    name: "getAllNodes",
    inputs: [],
    outputs: [
      {
        name: "allNodes_",
        type: "tuple[]",
        internalType: "struct INodeRegistry.NodeWithId[]",
        components: NODE_WITH_ID,
      },
    ],
    stateMutability: "view",
  },
  {
    type: "function",
    name: "getNode",
    inputs: [{ name: "nodeId_", type: "uint32", internalType: "uint32" }],
    outputs: [{ name: "node_", type: "tuple", internalType: "struct INodeRegistry.Node", components: NODE }],
    stateMutability: "view",
  },
]);

async function stockCall(world: World, name: string, args: unknown[] = []): Promise<unknown> {
  const to = await world.nodeRegistry.getAddress();
  const data = STOCK.encodeFunctionData(name, args);
  return STOCK.decodeFunctionResult(name, await world.ethers.provider.call({ to, data }))[0];
}

const idsOf = async ({ nodeRegistry }: World) => (await nodeRegistry.getAllNodes()).map(({ nodeId }) => nodeId);
const signerOf = (i: number) => computeAddress(hexlify(signingKey(i)));

describe("NodeRegistry", () => {
  describe("register", () => {
    it("gives ids 100, 200, ..., posts the minimum stake and takes a seat from the next epoch on", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeSeats, nodeStaking, postageToken, operator, stranger } = world;
      const registration = registrationOf(world, operator, 0, { payout: stranger.address });
      const epoch = await nodeSeats.currentEpoch();
      const held = await postageToken.balanceOf(operator);
      const registering = nodeRegistry.connect(operator).register(registration);
      await expect(registering).to.emit(nodeRegistry, "NodeRegistered").withArgs(100n, operator.address);
      await expect(registering).to.emit(nodeRegistry, "HttpAddressSet").withArgs(100n, registration.httpAddress);
      await expect(registering)
        .to.emit(nodeRegistry, "SigningKeySet")
        .withArgs(100n, signerOf(0), registration.signingPublicKey);
      await expect(registering).to.emit(nodeRegistry, "AttestationKeySet").withArgs(100n, registration.attestationKey);
      await expect(registering).to.emit(nodeStaking, "StakePosted").withArgs(100n, operator.address, MINIMUM);
      await expect(registering).to.emit(nodeSeats, "PayoutSet").withArgs(100n, stranger.address);
      await expect(registering)
        .to.emit(nodeSeats, "SeatTaken")
        .withArgs(100n, epoch + 1n, 1n);
      expect(await postageToken.balanceOf(operator)).to.equal(held - MINIMUM);
      expect(await nodeStaking.stakeOf(100n)).to.equal(MINIMUM);
      expect(await nodeStaking.getVotes(operator)).to.equal(MINIMUM);
      expect(await nodeRegistry.ownerOf(100n)).to.equal(operator.address);
      expect(await nodeRegistry.phaseOf(100n)).to.equal(Phase.live);
      expect(await nodeSeats.payoutOf(100n)).to.equal(stranger.address);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(false);
      await passEpochs(world, 1);
      expect(await nodeRegistry.isCanonical(100n)).to.equal(true);
      await register(world, stranger, 1);
      expect(await nodeRegistry.lastNodeId()).to.equal(200n);
      expect(await idsOf(world)).to.deep.equal([100n, 200n]);
    });

    it("gives no seat while none is free, or while nodes have to be admitted: the node is live all the same", async () => {
      const world = await deployedWorld({ maxSeats: 1 });
      const { nodeRegistry, nodeSeats, operator } = world;
      await registerNode(world, 0, operator.address);
      await expect(nodeRegistry.connect(operator).register(registrationOf(world, operator, 1))).not.to.emit(
        nodeSeats,
        "SeatTaken",
      );
      await nodeSeats.connect(world.governance).setMaxSeats(24n);
      await nodeSeats.connect(world.governance).setAdmission(0n);
      // An admission in advance gives no seat by itself either: the node takes it.
      await nodeSeats.connect(world.governance).setAdmitted(300n, true);
      await expect(nodeRegistry.connect(operator).register(registrationOf(world, operator, 2))).not.to.emit(
        nodeSeats,
        "SeatTaken",
      );
      expect(await nodeRegistry.isLive(300n)).to.equal(true);
      await passEpochs(world, 1);
      expect(await idsOf(world)).to.deep.equal([100n]);
      expect((await nodeRegistry.getNode(300n)).signer).to.equal(signerOf(2));
      await expect(nodeSeats.connect(operator).takeSeat(300n)).to.emit(nodeSeats, "SeatTaken");
      await expect(nodeSeats.connect(operator).takeSeat(200n))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsNotAdmitted")
        .withArgs(200n);
    });

    it("case 28: bounds addresses: 10 kB, empty, no scheme, spaces, control characters, other alphabets", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, operator } = world;
      const registry = nodeRegistry.connect(operator);
      const bad = ["", "http://", "https://", "http:/", "ftp://node", "node.example", "HTTP://node", "http://a b"];
      const odd = ["http://n\u00f6de", "http://a\n", "http://a\u007f", "http://\u0000"];
      const long = [`https://${"a".repeat(193)}`, `https://${"a".repeat(10_000)}`];
      for (const httpAddress of [...bad, ...odd, ...long]) {
        await expect(registry.register(registrationOf(world, operator, 0, { httpAddress })))
          .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryHttpAddressInvalid")
          .withArgs(toUtf8Bytes(httpAddress).length, 200n);
      }
      // Bytes that are no UTF-8: the text "http://" followed by 0xff, which ethers would not encode itself.
      const registration = registrationOf(world, operator, 0, { httpAddress: "http://a" });
      const data = registry.interface
        .encodeFunctionData("register", [registration])
        .replace(hexlify(toUtf8Bytes("http://a")).slice(2), "687474703a2f2fff");
      const error: unknown = await operator
        .sendTransaction({ to: await nodeRegistry.getAddress(), data })
        .catch((caught: unknown) => caught);
      expect(decodeRevert(error)).to.deep.include({ name: "NodeRegistryHttpAddressInvalid" });
      const longest = `https://${"a".repeat(192)}`;
      await registry.register(registrationOf(world, operator, 0, { httpAddress: longest }));
      expect((await nodeRegistry.getNode(100n)).httpAddress).to.equal(longest);
      await expect(registry.setHttpAddress(100n, `${longest}a`))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryHttpAddressInvalid")
        .withArgs(201n, 200n);
    });

    it("refuses without the stake, with the zero address as payout, and beyond a stock node's ids", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeSeats, operator, settler, net } = world;
      await expect(registerNode(world, 0, ZeroAddress))
        .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsPayoutNotAllowed")
        .withArgs(ZeroAddress);
      const error: unknown = await register(world, settler, 0).catch((caught: unknown) => caught);
      expect(decodeRevert(error)).to.deep.include({ contract: "token", name: "ERC20InsufficientAllowance" });
      expect(await nodeRegistry.lastNodeId()).to.equal(0n);
      // Stock nodes keep ids in 32 signed bits. Where the last id is kept is found by what it reads as.
      for (let slot = 0; slot < 30 && (await nodeRegistry.lastNodeId()) === 0n; slot++) {
        const key = toBeHex(slot);
        const before = await world.ethers.provider.getStorage(nodeRegistry, key);
        if (BigInt(before) === 0n) await net.networkHelpers.setStorageAt(await nodeRegistry.getAddress(), key, 100n);
        if ((await nodeRegistry.lastNodeId()) === 100n) {
          await net.networkHelpers.setStorageAt(await nodeRegistry.getAddress(), key, 2_147_483_500n);
        }
      }
      expect(await registerNode(world, 0, operator.address)).to.equal(2_147_483_600n);
      await expect(registerNode(world, 1, operator.address))
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryTooManyNodes")
        .withArgs(2_147_483_700n);
    });

    it("I17: is an entry: a pause stops it, and neither exit, nor seats, nor rotation", async () => {
      const world = await deployedWorld();
      const { nodeRegistry, nodeSeats, operator } = world;
      const registry = nodeRegistry.connect(operator);
      await registerNode(world, 0, operator.address);
      await registerNode(world, 1, operator.address);
      await nodeRegistry.connect(world.pauser).pauseEntries(7 * DAY);
      await expect(registerNode(world, 2, operator.address)).to.be.revertedWithCustomError(
        nodeRegistry,
        "PausableEntriesPaused",
      );
      const rotation = registrationOf(world, operator, 5);
      await registry.rotateSigningKey(100n, rotation.signingPublicKey, rotation.signingProof);
      await registry.rotateAttestationKey(100n, rotation.attestationKey, rotation.attestationProof);
      await registry.setHttpAddress(100n, "http://10.0.0.1:5050");
      await registry.setPayout(100n, world.stranger);
      await registry.exit(100n);
      await passEpochs(world, 1);
      await nodeSeats.rollOver();
      expect(await idsOf(world)).to.deep.equal([200n]);
      await world.net.networkHelpers.time.increase(7 * DAY);
      expect(await registerNode(world, 2, operator.address)).to.equal(300n);
    });
  });

  describe("reads", () => {
    it("decode with a stock node's ABI, which passes over what is not canonical", async () => {
      const world = await deployedWorld();
      const { operator } = world;
      await registerNode(world, 0, operator.address);
      await passEpochs(world, 1);
      await registerNode(world, 1, operator.address);
      const stock = (i: number, isCanonical: boolean) => {
        const { signingPublicKey, httpAddress } = registrationOf(world, operator, i);
        return [signerOf(i), isCanonical, signingPublicKey, httpAddress];
      };
      expect(await stockCall(world, "getAllNodes")).to.deep.equal([
        [100n, stock(0, true)],
        [200n, stock(1, false)],
      ]);
      expect(await stockCall(world, "getNode", [100n])).to.deep.equal(stock(0, true));
      expect(await stockCall(world, "getNode", [200n])).to.deep.equal(stock(1, false));
      await expect(world.nodeRegistry.getNode(300n))
        .to.be.revertedWithCustomError(world.nodeRegistry, "NodeRegistryUnknownNode")
        .withArgs(300n);
      expect(await world.nodeRegistry.isCanonical(300n)).to.equal(false);
      expect(await world.nodeRegistry.phaseOf(300n)).to.equal(Phase.unknown);
      expect(await world.nodeRegistry.attestationKeyOf(300n)).to.equal("0x");
    });

    it("case 29: a full registry with candidates, and removals in the middle: ascending, none skipped or doubled", async function () {
      this.timeout(180_000);
      const world = await deployedWorld({ maxSeats: 90 });
      const { nodeRegistry, nodeSeats, operator } = world;
      for (let i = 0; i < 93; i++) await registerNode(world, i, operator.address);
      await passEpochs(world, 1);
      const expected = Array.from({ length: 90 }, (_, i) => BigInt(i + 1) * 100n);
      expect(await idsOf(world)).to.deep.equal(expected);
      // The set of holders moves its last into the gap: the order must not show it.
      for (const id of [4_500n, 100n, 9_000n]) await nodeRegistry.connect(operator).exit(id);
      await nodeSeats.connect(operator).takeSeat(9_200n);
      expect(await idsOf(world)).to.deep.equal([...expected, 9_200n]);
      const canonical = async () =>
        (await nodeRegistry.getAllNodes()).filter(({ node }) => node.isCanonical).map(({ nodeId }) => nodeId);
      expect(await canonical()).to.deep.equal(expected);
      await passEpochs(world, 1);
      const left = expected.filter((id) => ![100n, 4_500n, 9_000n].includes(id));
      expect(await idsOf(world)).to.deep.equal([...left, 9_200n]);
      expect(await canonical()).to.deep.equal([...left, 9_200n]);
      const [ids, active] = await nodeSeats.seatedNodes();
      expect(ids).to.deep.equal([...left, 9_200n]);
      expect(active.every(Boolean)).to.equal(true);
    });
  });

  it("addresses and payouts are the owner's to set, and say so", async () => {
    const world = await deployedWorld();
    const { nodeRegistry, nodeSeats, operator, stranger } = world;
    await registerNode(world, 0, operator.address);
    const registry = nodeRegistry.connect(operator);
    await expect(registry.setHttpAddress(100n, "http://10.0.0.1:5050"))
      .to.emit(nodeRegistry, "HttpAddressSet")
      .withArgs(100n, "http://10.0.0.1:5050");
    expect((await nodeRegistry.getNode(100n)).httpAddress).to.equal("http://10.0.0.1:5050");
    await expect(registry.setPayout(100n, stranger)).to.emit(nodeSeats, "PayoutSet").withArgs(100n, stranger.address);
    await expect(registry.setPayout(100n, ZeroAddress))
      .to.be.revertedWithCustomError(nodeSeats, "NodeSeatsPayoutNotAllowed")
      .withArgs(ZeroAddress);
    const theirs = nodeRegistry.connect(stranger);
    const { signingPublicKey, signingProof, attestationKey, attestationProof } = registrationOf(world, stranger, 5);
    for (const attempt of [
      () => theirs.setHttpAddress(100n, "http://a"),
      () => theirs.setPayout(100n, stranger),
      () => theirs.exit(100n),
      () => theirs.rotateSigningKey(100n, signingPublicKey, signingProof),
      () => theirs.rotateAttestationKey(100n, attestationKey, attestationProof),
    ]) {
      await expect(attempt())
        .to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotOwner")
        .withArgs(stranger.address, 100n);
    }
    // Whom the owner lets transfer the token is not the owner.
    await registry.setApprovalForAll(stranger, true);
    await expect(theirs.setPayout(100n, stranger)).to.be.revertedWithCustomError(nodeRegistry, "NodeRegistryNotOwner");
  });
});
