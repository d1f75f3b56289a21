import { expect } from "chai";

import { ethersEndpoint } from "../../../src/daemon/adapters/ethersEndpoint.ts";
import { ethersStamps } from "../../../src/daemon/adapters/ethersStamps.ts";
import { Inboxes } from "../../../src/daemon/stamps/inboxes.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import { deployedWorld } from "../../contracts/fixtures.ts";
import type { World } from "../../contracts/fixtures.ts";
import type { ActionPlan, Actor } from "../../support/identityActors.ts";
import {
  NOON,
  identityEnvelope,
  identityUpdate,
  inboxOf,
  installation,
  passkey,
  wallet,
} from "../../support/identityActors.ts";
import { storeAt } from "../support.ts";

const memberOf = ({ kind, identifier }: Actor) => `${kind}:${identifier}`;

describe("daemon/stamps on the real IdentityRegistry", () => {
  let world: World;
  afterEach(() => world.net.close());

  it("knows who belongs to an inbox from when to when, and who listed a key first", async () => {
    world = await deployedWorld();
    const store = (await storeAt()).stamps;
    const [owner, other] = [wallet(1), wallet(2)];
    const [phone, laptop, key] = [installation(1), installation(2), passkey(1)];
    const inbox: Hex = `0x${inboxOf(owner)}`;
    const second: Hex = `0x${inboxOf(other)}`;
    let clock = NOON;
    const write = async (to: Hex, actions: ActionPlan[]) => {
      clock += 1_000_000_000n;
      const update = identityUpdate(to.slice(2), actions, clock);
      await (await world.identityRegistry.addIdentityUpdate(to, toHex(identityEnvelope(update)))).wait();
      return BigInt((await world.ethers.provider.getBlock("latest"))!.timestamp);
    };
    const endpoint = ethersEndpoint({
      ...{ name: "rpc", provider: world.ethers.provider, contracts: world, finality: { kind: "tags" } },
    });
    const chain = ethersStamps({ contracts: world, provider: world.ethers.provider, endpoint, deploymentBlock: 0n });
    const inboxes = new Inboxes({ chain, store, log: silentLog });
    const createdAt = await write(inbox, [
      { do: "create", owner },
      { do: "add", member: phone, signer: owner },
    ]);
    await write(inbox, [{ do: "add", member: key, signer: owner }]);
    await write(inbox, [{ do: "add", member: laptop, signer: key }]);
    await inboxes.poll();
    await write(second, [
      { do: "create", owner: other },
      { do: "add", member: phone, signer: other },
    ]);
    // The laptop goes with the passkey that added it.
    const revokedAt = await write(inbox, [{ do: "revoke", member: key, signer: owner }]);
    await inboxes.poll();
    const now = async (member: Actor, at?: bigint) => store.isMember(inbox, memberOf(member), at);
    expect([await now(owner), await now(phone), await now(key), await now(laptop), await now(other)]).to.deep.equal([
      ...[true, true, false, false, false],
    ]);
    expect([await now(laptop, revokedAt), await now(laptop, revokedAt + 1n)]).to.deep.equal([true, false]);
    expect([await now(owner, createdAt), await now(owner, createdAt + 1n)]).to.deep.equal([false, true]);
    const keys = [phone, laptop, installation(3)].map(({ identifier }): Hex => `0x${identifier}`);
    const listings = await store.listingsOf(keys);
    expect(listings.get(keys[0]!)).to.deep.equal({ inbox, listedAt: createdAt });
    expect(listings.get(keys[1]!)?.inbox).to.equal(inbox);
    expect(listings.size).to.equal(2);
    expect(inboxes.readToAt).to.equal(revokedAt);
    expect(await chain.price()).to.equal(await world.rateRegistry.stampPrice());
    expect(await chain.sharesAt(revokedAt)).to.deep.equal({ recipientsBps: 5_000, silentBps: 1_000 });
  });
});
