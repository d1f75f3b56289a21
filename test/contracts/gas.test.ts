import type { Contract, TransactionReceipt } from "ethers";
import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";

import { concat } from "ethers";

import { identityEnvelope, identityUpdate, inboxOf, installation, wallet } from "../support/identityActors.ts";
import { groupMessage } from "../support/envelopes.ts";
import {
  NEVER,
  USD,
  deployedWorld,
  fund,
  passEpochs,
  postageKey,
  registerNode,
  signPermit,
  voucherRow,
} from "./fixtures.ts";

/**
 * Prints what the main transactions cost, on the profile in use. Targets are of the production profile:
 * `hardhat --build-profile production test mocha test/contracts/gas.test.ts`.
 */
describe("gas", function () {
  this.timeout(180_000);
  const lines: string[] = [];
  after(() => console.log(lines.map((line) => `      ${line}`).join("\n")));

  const gasOf = async (sent: Promise<{ wait(): Promise<TransactionReceipt | null> }>) =>
    (await (await sent).wait())!.gasUsed;

  it("settle per row, whole transaction over rows", async () => {
    const world = await deployedWorld();
    const keys = Array.from({ length: 1000 }, (_, n) => postageKey(n));
    for (const key of keys) await fund(world, key, 10n * USD);
    const channels = world.postageChannels.connect(world.settler);
    const rows = (count: number, fees: bigint) =>
      Promise.all(keys.slice(0, count).map((key, n) => voucherRow(world, key, fees + BigInt(n))));
    // The first settlement pays for storage that never empties again.
    await channels.settle(concat(await rows(1000, 100_000n)), { gasLimit: 60_000_000 });

    let fees = 200_000n;
    for (const count of [1, 10, 50, 100, 1000]) {
      const gas = await gasOf(channels.settle(concat(await rows(count, fees)), { gasLimit: 60_000_000 }));
      lines.push(`settle ${count} rows: ${gas} gas, ${gas / BigInt(count)} per row`);
      fees += 100_000n;
    }
  });

  it("deposit, withdrawal, distribute, claim", async () => {
    const world = await deployedWorld();
    const { postageChannels, feeDistributor } = world;
    const key = postageKey(0);
    const nodeId = await registerNode(world, 0, world.operator.address);
    await registerNode(world, 1, world.operator.address);
    await fund(world, postageKey(1), 10n * USD);
    lines.push(`deposit, new payer: ${await gasOf(postageChannels.connect(world.funder).deposit(key, 10n * USD))}`);
    lines.push(`deposit, known payer: ${await gasOf(postageChannels.connect(world.funder).deposit(key, 10n * USD))}`);
    await (world.usdc.connect(world.funder) as Contract).getFunction("approve")(postageChannels, 0n);
    // The first permit of an account pays for its nonce; the next ones do not.
    for (const what of ["first permit, new payer", "permit, known payer"]) {
      const { v, r, s } = await signPermit(world, world.funder, 10n * USD);
      const channels = postageChannels.connect(world.funder);
      const sent = channels.depositWithPermit(postageKey(2).address, 10n * USD, NEVER, v, r, s);
      lines.push(`deposit with ${what}: ${await gasOf(sent)}`);
    }
    await passEpochs(world, 1);
    for (const fees of [1n, 2n, 3n]) {
      await postageChannels.settle(await voucherRow(world, key, fees * USD));
      lines.push(`distribute: ${await gasOf(feeDistributor.distribute())}`);
      await passEpochs(world, 1);
    }
    lines.push(`claim, one epoch to roll: ${await gasOf(feeDistributor.claim(nodeId))}`);
    await passEpochs(world, 1);
    await feeDistributor.claim(nodeId + 100n);
    lines.push(`claim, rolled: ${await gasOf(feeDistributor.claim(nodeId))}`);
    await passEpochs(world, 14);
    lines.push(`claim, everything to roll: ${await gasOf(feeDistributor.claim(nodeId))}`);
  });

  it("register a node", async () => {
    const world = await deployedWorld();
    await registerNode(world, 0, world.operator.address);
    const sent = await world.ethers.provider.getBlock("latest");
    lines.push(`register: ${sent!.gasUsed}`);
  });

  it("sequence an identity update and a commit", async () => {
    const world = await deployedWorld();
    const group = `0x${"11".repeat(16)}`;
    // As long as the commit of a conversation between two.
    const commit = (n: number) => groupMessage(n, { contentType: 3, group: 0x11, padding: 2_860 });
    const register = (n: number) =>
      identityUpdate(inboxOf(wallet(n)), [
        { do: "create", owner: wallet(n) },
        { do: "add", member: installation(n), signer: wallet(n) },
      ]);
    const sequenced = (update: IdentityUpdate) =>
      world.identityRegistry.addIdentityUpdate(`0x${update.inboxId}`, identityEnvelope(update));
    await sequenced(register(1));
    await world.commitBroadcaster.addMessage(group, commit(1));
    lines.push(`addIdentityUpdate: ${await gasOf(sequenced(register(2)))}`);
    lines.push(`addMessage: ${await gasOf(world.commitBroadcaster.addMessage(group, commit(2)))}`);
  });
});
