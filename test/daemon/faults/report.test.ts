import { expect } from "chai";

import { faultEvidence } from "../../../src/contracts/faultEvidence.ts";
import type { Evidence, EvidenceStore } from "../../../src/daemon/faults/ports.ts";
import { Reporter } from "../../../src/daemon/faults/report.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { signOriginatorEnvelope } from "../../../src/protocol/envelope.ts";
import { APPEAL, BOUNTY, DAY, FakeFaultChain, ME, RIVAL } from "./fakeFaultChain.ts";
import { ACCUSED, envelopeOf, keyOf, ledgerFile, salts } from "./support.ts";

const KEY = { nodeId: ACCUSED, sequenceId: 7n };
const PAIR = [5n, 6n].map((ns) => envelopeOf(ACCUSED, 7n, { ns })) as [Uint8Array, Uint8Array];
/** Of the size that goes to the chain in pieces. */
const LARGE = [5n, 6n].map((originatorNs) =>
  signOriginatorEnvelope(
    {
      ...{ originatorId: ACCUSED, sequenceId: 7n, originatorNs, payerEnvelope: new Uint8Array(60_000) },
      ...{ baseFeePico: 0n, congestionFeePico: 0n, expiryAt: 0n },
    },
    keyOf(ACCUSED),
  ),
) as [Uint8Array, Uint8Array];
const SALT = `0x${"01".repeat(32)}` as const;

const evidence: Evidence = {
  ...{ ...KEY, fault: "equivocation", envelopes: PAIR, salt: SALT, state: "found" },
  ...{ commitments: 0, pieces: [], foundAt: 1, changedAt: 1 },
};

describe("reporting faults", () => {
  let file: ReturnType<typeof ledgerFile>;
  let store: EvidenceStore;
  let chain: FakeFaultChain;
  let reporter: Reporter;
  const nextSalt = salts();

  /** As after a crash: what is in memory is gone, what is on disk is there. */
  async function restart(): Promise<void> {
    store = await file.open();
    reporter = new Reporter({ store, chain, randomSalt: nextSalt, clock: new ManualClock(), log: silentLog });
  }

  async function begin(envelopes: [Uint8Array, Uint8Array] = PAIR): Promise<void> {
    file = ledgerFile();
    chain = new FakeFaultChain({ envelopes: () => envelopes });
    await restart();
    await store.add({ ...evidence, envelopes });
  }

  beforeEach(() => begin());
  afterEach(() => file.remove());

  const now = async () => (await store.get(KEY))!;
  const step = () => reporter.step();
  const committed = async () => {
    await step();
    chain.time += 60n;
  };
  const revealed = async () => {
    await committed();
    await step();
  };

  it("commits, reveals a minute later, executes after the appeal window, takes the bounty", async () => {
    await step();
    expect(await now()).to.include({ state: "committed", commitments: 1 });
    chain.time += 59n;
    await step();
    expect(chain.tried).to.deep.equal(["commit"]);
    chain.time += 1n;
    await step();
    expect(await now()).to.include({ state: "revealed", caseId: 1n, executableAt: chain.time + APPEAL });
    chain.time += APPEAL - 1n;
    await step();
    expect(chain.tried, "nothing is tried before its time").to.deep.equal(["commit", "reveal"]);
    chain.time += 1n;
    await step();
    expect(await now()).to.include({ state: "paid", caseId: 1n });
    expect(chain.mined).to.deep.equal(["commit", "reveal", "execute", "withdrawCredit"]);
    expect(chain.withdrawn).to.equal(BOUNTY);
    expect(await store.open()).to.deep.equal([]);
  });

  for (const how of ["before", "after"] as const) {
    for (const name of ["commit", "reveal", "execute", "withdrawCredit"]) {
      it(`goes on after a crash ${how} ${name} was mined, and pays for nothing twice`, async () => {
        chain.failures.push({ name, how });
        for (let i = 0; i < 12; i++) {
          await step();
          await restart();
          chain.time += i < 6 ? 60n : APPEAL;
        }
        expect(await now()).to.include({ state: "paid" });
        expect(chain.mined).to.deep.equal(["commit", "reveal", "execute", "withdrawCredit"]);
        expect(chain.withdrawn).to.equal(BOUNTY);
        expect((await now()).salt, "the salt of the commitment").to.equal(SALT);
      });
    }

    it(`deploys pieces after the commitment, and goes on after a crash ${how} one was mined`, async () => {
      await file.remove();
      await begin(LARGE);
      chain.failures.push({ name: "deploy", how, butFirst: 3 });
      for (let i = 0; i < 12; i++) {
        await step();
        await restart();
        chain.time += i < 6 ? 60n : APPEAL;
      }
      expect(await now()).to.include({ state: "paid" });
      expect(chain.mined[0]).to.equal("commit");
      const { pieces } = faultEvidence(LARGE, { reporter: ME, salt: SALT })!;
      const count = pieces.flat().length;
      expect(count).to.equal(6);
      // The one whose answer was lost is deployed again: its address is not known.
      expect(chain.deployed).to.have.length(how === "after" ? count + 1 : count);
    });
  }

  it("does nothing while the chain is down, and everything when it is back", async () => {
    chain.isDown = true;
    await step();
    expect((await now()).state).to.equal("found");
    chain.isDown = false;
    await revealed();
    expect((await now()).state).to.equal("revealed");
  });

  it("what cannot be brought further does not keep the others waiting", async () => {
    const saltsOf = [SALT, ...Array.from({ length: 4 }, nextSalt)];
    for (const [i, salt] of saltsOf.slice(1).entries()) {
      await store.add({ ...evidence, sequenceId: 8n + BigInt(i), salt });
    }
    const datas = saltsOf.map((salt) => faultEvidence(PAIR, { reporter: ME, salt })!.commitData);
    const tried: number[] = [];
    chain.commit = async (data) => {
      tried.push(datas.indexOf(data));
      throw new Error("insufficient funds");
    };
    await step();
    expect(tried, "after three failures the chain is taken to be the reason").to.deep.equal([0, 1, 2]);
    await step();
    expect(tried, "the next step begins behind those that failed").to.deep.equal([0, 1, 2, 3, 4, 0]);
  });

  it("gives nothing up because commitments cannot be sent, and goes on when they can", async () => {
    chain.failures.push(...Array.from({ length: 9 }, () => ({ name: "commit", how: "before" as const })));
    for (let i = 0; i < 9; i++) await step();
    expect(await now()).to.include({ state: "found", commitments: 0 });
    await revealed();
    expect(await now()).to.include({ state: "revealed", commitments: 1 });
  });

  it("counts a commitment whose answer was lost once it is seen on chain", async () => {
    chain.failures.push({ name: "commit", how: "after" });
    await step();
    expect(await now()).to.include({ state: "found", commitments: 0 });
    await step();
    await step();
    expect(await now()).to.include({ state: "committed", commitments: 1 });
  });

  it("keeps the pieces that are on the chain when it commits again", async () => {
    await file.remove();
    await begin(LARGE);
    chain.failures.push({ name: "reveal", how: "before" });
    await revealed();
    const { pieces } = await now();
    expect(pieces.flat()).to.have.length(6);
    chain.time += DAY;
    await step();
    expect(await now()).to.deep.include({ state: "found", pieces });
    await revealed();
    expect(await now()).to.include({ state: "revealed", commitments: 2 });
    expect(chain.deployed).to.have.length(6);
  });

  it("deploys pieces again when those that are there do not make what it committed to", async () => {
    await file.remove();
    await begin(LARGE);
    chain.refusal = "FaultProofsNotCommitted";
    await revealed();
    const { state, pieces } = await now();
    expect(state).to.equal("found");
    expect(pieces.flat(), "they may only not be seen yet").to.have.length(6);
    await revealed();
    expect(await now()).to.deep.include({ state: "found", pieces: [] });
    expect(chain.deployed).to.have.length(6);
  });

  it("begins nothing more after a minute of slow transactions: settling waits for it", async () => {
    for (let i = 1n; i <= 3n; i++) await store.add({ ...evidence, sequenceId: 7n + i });
    const clock = new ManualClock();
    const commit = chain.commit.bind(chain);
    chain.commit = async (data) => {
      clock.advance(61_000);
      // The same envelopes four times: only the first commitment counts, the others are refused.
      await commit(data).catch(() => {});
    };
    reporter = new Reporter({ store, chain, randomSalt: nextSalt, clock, log: silentLog });
    await step();
    const keys = await store.latest(10);
    expect(keys.filter(({ state }) => state === "committed")).to.have.length(1);
  });

  it("makes a commitment older than a day again, behind a new salt", async () => {
    await step();
    const { salt } = await now();
    chain.time += DAY - 100n;
    await step();
    expect(await now()).to.include({ state: "found" });
    expect((await now()).salt).not.to.equal(salt);
    await revealed();
    expect(await now()).to.include({ state: "revealed", commitments: 2 });
    expect(chain.mined).to.deep.equal(["commit", "commit", "reveal"]);
  });

  it("gives up after so many commitments that led to nothing", async () => {
    for (let i = 0; i < 20; i++) {
      await step();
      chain.time += DAY;
    }
    expect(chain.mined).to.deep.equal(Array(5).fill("commit"));
    expect(await now()).to.include({ state: "givenUp", reason: "5 commitments led to no case" });
  });

  it("gives up when somebody else's case is there already, and keeps the evidence", async () => {
    chain.openCase(KEY, RIVAL, 1n);
    await step();
    expect(chain.mined).to.deep.equal([]);
    expect(await now()).to.include({ state: "givenUp", caseId: 1n, reason: `case 1 was reported by ${RIVAL}` });
    expect((await now()).envelopes).to.have.length(2);
  });

  it("a copy of its reveal comes first: its own commitment is older, so it becomes the reporter", async () => {
    await committed();
    chain.openCase(KEY, RIVAL, chain.time);
    await step();
    expect(chain.cases.values().next().value).to.include({ reporter: ME, status: "open" });
    expect((await now()).state).to.equal("revealed");
  });

  it("raises an open case of the same message to the heavier fault that it has", async () => {
    const strayed = envelopeOf(ACCUSED, 7n, { target: 200 + ACCUSED });
    chain = new FakeFaultChain({ envelopes: () => [strayed] });
    await file.remove();
    file = ledgerFile();
    await restart();
    await store.add({ ...evidence, fault: "wrongTarget", envelopes: [strayed] });
    // An equivocation, by somebody whose commitment the fake chain takes for later.
    chain.openCase(KEY, RIVAL, chain.time + 1_000n);
    await revealed();
    expect(chain.mined).to.deep.equal(["commit", "reveal"]);
    expect(chain.cases.values().next().value).to.include({ reporter: ME });
  });

  it("does not try to become the reporter of a case that it cannot win", async () => {
    await committed();
    const at = chain.commitments.values().next().value!;
    chain.openCase(KEY, RIVAL, at);
    await step();
    expect(await now(), "committed in the same second, revealed later").to.include({ state: "givenUp" });
    expect(chain.tried).to.deep.equal(["commit"]);

    await file.remove();
    await begin();
    await committed();
    chain.openCase(KEY, RIVAL, chain.time).status = "dismissed";
    await step();
    expect(await now()).to.include({ state: "givenUp" });
    expect(chain.tried).to.deep.equal(["commit"]);
  });

  it("somebody who committed earlier reveals later: the bounty is theirs", async () => {
    await revealed();
    chain.openCase(KEY, RIVAL, 1n);
    chain.time += APPEAL;
    await step();
    expect(await now()).to.include({ state: "givenUp", reason: `case 1 was reported by ${RIVAL}` });
    expect(chain.mined).to.deep.equal(["commit", "reveal"]);
  });

  it("waits while the case is dismissed, goes on when it is reopened, gives up when it is closed", async () => {
    await revealed();
    const found = chain.cases.values().next().value!;
    found.status = "dismissed";
    chain.time += APPEAL;
    await step();
    expect((await now()).state).to.equal("revealed");
    Object.assign(found, { status: "open", executableAt: chain.time + APPEAL });
    await step();
    expect(await now()).to.include({ state: "revealed", executableAt: chain.time + APPEAL });
    found.status = "closed";
    await step();
    expect(await now()).to.include({ state: "givenUp", reason: "case 1 was dismissed" });
  });

  it("takes its bounty when somebody else executed", async () => {
    await revealed();
    chain.cases.values().next().value!.status = "executed";
    chain.credit = BOUNTY;
    await step();
    expect((await now()).state).to.equal("paid");
    expect(chain.withdrawn).to.equal(BOUNTY);
  });

  for (const refusal of ["FaultProofsNoFault", "FaultProofsSignerNotTheNodes", "FaultProofsKeyRetired"]) {
    it(`gives up when FaultProofs says ${refusal}`, async () => {
      chain.refusal = refusal;
      await revealed();
      expect(await now()).to.include({ state: "givenUp", reason: `FaultProofs refuses: ${refusal}` });
    });
  }

  it("sends nothing against a node with hardly anything at stake", async () => {
    chain.hasStake = false;
    await step();
    expect(chain.mined).to.deep.equal([]);
    expect((await now()).state).to.equal("givenUp");
  });

  it("begins anew when a reorganisation takes commitment and case back", async () => {
    await revealed();
    chain.cases.clear();
    chain.commitments.clear();
    await revealed();
    expect((await now()).state).to.equal("revealed");
    expect(chain.mined).to.deep.equal(["commit", "reveal", "commit", "reveal"]);
  });

  it("commits again when the settlement key was changed in between", async () => {
    await step();
    chain.account = RIVAL;
    await committed();
    await step();
    expect(chain.cases.values().next().value).to.include({ reporter: RIVAL });
    expect((await now()).state).to.equal("revealed");
  });
});
