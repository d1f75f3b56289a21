import { expect } from "chai";

import { ethersFaults } from "../../../src/daemon/adapters/ethersFaults.ts";
import type { FaultRefused } from "../../../src/daemon/faults/ports.ts";
import { Reporter } from "../../../src/daemon/faults/report.ts";
import { faultEvidence } from "../../../src/contracts/faultEvidence.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toAddress } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import { signOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { proveSigningKey } from "../../../src/protocol/possession.ts";
import type { World } from "../../contracts/fixtures.ts";
import { DAY, EPOCH, TOKEN, deployedWorld, register, signingKey } from "../../contracts/fixtures.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { walletTransactions } from "../../support/walletTransactions.ts";
import { storeAt } from "../support.ts";
import { envelopeOf, salts } from "./support.ts";

const [ACCUSED, OWN] = [100, 200];
const SALT = `0x${"01".repeat(32)}` as const;

describe("reporting faults to real contracts", () => {
  let world: World;
  afterEach(() => world.net.close());

  /** Node 100 with a seat, and node 200 whose daemon reports with an account of its own. */
  async function court() {
    world = await deployedWorld();
    const { operator, ethers, net, stranger } = world;
    const account = (await ethers.getSigners())[10]!;
    await register(world, operator, 0);
    await register(world, operator, 1, { payout: stranger.address });
    await net.networkHelpers.time.increase(EPOCH);
    const chain = ethersFaults({
      ...{ contracts: world, provider: ethers.provider, account: toAddress(account.address), nodeId: OWN },
      transactions: walletTransactions(account),
    });
    const { evidence: store } = await storeAt();
    const reporter = new Reporter({ store, chain, randomSalt: salts(), clock: new ManualClock(), log: silentLog });
    const { time } = net.networkHelpers;
    return { chain, store, reporter, time, account };
  }

  const evidenceOf = (envelopes: Uint8Array[]) => ({
    ...{ fault: "equivocation" as const, nodeId: ACCUSED, sequenceId: 7n, envelopes, salt: SALT },
    ...{ state: "found" as const, commitments: 0, pieces: [], foundAt: 1, changedAt: 1 },
  });
  const pairOf = (payerBytes?: number) =>
    [5n, 6n].map((ns) =>
      payerBytes === undefined
        ? envelopeOf(ACCUSED, 7n, { ns, key: signingKey(0) })
        : signOriginatorEnvelope(
            {
              ...{ originatorId: ACCUSED, sequenceId: 7n, originatorNs: ns, payerEnvelope: new Uint8Array(payerBytes) },
              ...{ baseFeePico: 0n, congestionFeePico: 0n, expiryAt: 0n },
            },
            signingKey(0),
          ),
    ) as [Uint8Array, Uint8Array];

  for (const [what, payerBytes] of [
    ["a usual message", undefined],
    ["one that goes to the chain in pieces", 60_000],
  ] as const) {
    it(`convicts with ${what}: frozen, slashed, unseated, the bounty at the payout address`, async () => {
      const { chain, store, reporter, time } = await court();
      const { nodeStaking, nodeRegistry, postageToken, stranger } = world;
      const rich = await postageToken.balanceOf(stranger);
      await store.add(evidenceOf(pairOf(payerBytes)));
      expect(await chain.isWorthSlashing(ACCUSED)).to.equal(true);
      await reporter.step();
      await time.increase(60);
      await reporter.step();
      expect(await store.get({ nodeId: ACCUSED, sequenceId: 7n })).to.include({ state: "revealed", caseId: 1n });
      expect(await chain.isFrozen(ACCUSED)).to.equal(true);
      await reporter.step();
      await time.increase(7 * DAY);
      await reporter.step();
      expect((await store.get({ nodeId: ACCUSED, sequenceId: 7n }))!.state).to.equal("paid");
      expect(await nodeStaking.slashableOf(ACCUSED)).to.equal(9_900n * TOKEN);
      expect((await postageToken.balanceOf(stranger)) - rich).to.equal(20n * TOKEN);
      await time.increase(EPOCH);
      expect(await nodeRegistry.isCanonical(ACCUSED)).to.equal(false);
      expect(await nodeRegistry.isCanonical(OWN)).to.equal(true);
    });
  }

  it("says why FaultProofs refuses", async () => {
    const { chain, account } = await court();
    const found = faultEvidence(pairOf(), { reporter: toAddress(account.address), salt: SALT })!;
    const refusal = (call: Promise<void>) =>
      call.then(
        () => "none",
        ({ error }: FaultRefused) => error,
      );
    expect(await refusal(chain.reveal(found.revealData()))).to.equal("FaultProofsNotCommitted");
    await chain.commit(found.commitData);
    expect(await chain.committedAt(found.commitment)).to.equal(await chain.now());
    expect(await refusal(chain.commit(found.commitData))).to.equal("FaultProofsAlreadyCommitted");
    expect(await refusal(chain.reveal(found.revealData()))).to.equal("FaultProofsRevealTooEarly");
    expect(await chain.caseOf({ nodeId: ACCUSED, sequenceId: 7n })).to.equal(undefined);
  });

  it("knows whose key is whose, and until when a retired one convicts", async () => {
    const { chain, time } = await court();
    const { nodeRegistry, operator, record, chainId } = world;
    const [old, next] = [signingKey(0), signingKey(9)];
    expect(await chain.isKeyOf(ACCUSED, addressOf(old))).to.equal(true);
    expect(await chain.isKeyOf(OWN, addressOf(old))).to.equal(false);
    expect(await chain.isKeyOf(ACCUSED, addressOf(next))).to.equal(false);
    const domain = { chainId, nodeRegistry: toAddress(record.contracts.nodeRegistry.address) };
    const { publicKey, proof } = proveSigningKey(domain, toAddress(operator.address), next);
    await nodeRegistry.connect(operator).rotateSigningKey(ACCUSED, publicKey, proof);
    expect(await chain.isKeyOf(ACCUSED, addressOf(old))).to.equal(true);
    expect(await chain.isKeyOf(ACCUSED, addressOf(next))).to.equal(true);
    await time.increase(14 * DAY);
    expect(await chain.isKeyOf(ACCUSED, addressOf(old))).to.equal(false);
  });
});
