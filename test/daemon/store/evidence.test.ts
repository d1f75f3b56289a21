import { expect } from "chai";

import type { Evidence } from "../../../src/daemon/faults/ports.ts";
import { failureOf, onBoth } from "./backends.ts";

const evidenceOf = (sequenceId: bigint, changes: Partial<Evidence> = {}): Evidence => ({
  ...{ fault: "equivocation", nodeId: 300, sequenceId, salt: `0x${"07".repeat(32)}`, state: "found", commitments: 0 },
  ...{ envelopes: [new Uint8Array([1, 2]), new Uint8Array([3])], pieces: [], foundAt: 5, changedAt: 6 },
  ...changes,
});

onBoth("store/evidence", (fixture) => {
  it("gives back what was put in, with ids of 64 bits, across a restart, and takes a message once", async () => {
    const { evidence } = await fixture.open();
    const full = evidenceOf(2n ** 64n - 1n, {
      ...{ fault: "wrongTarget", envelopes: [new Uint8Array([9])], pieces: [[`0x${"aa".repeat(20)}`], []] },
      ...{ caseId: 2n ** 200n, executableAt: 7n, reason: "because", commitments: 3 },
    });
    expect(await evidence.add(full)).to.equal(true);
    expect(await evidence.add(evidenceOf(full.sequenceId))).to.equal(false);
    expect(await evidence.add(evidenceOf(1n))).to.equal(true);
    await fixture.closeAll();
    const { evidence: again } = await fixture.open();
    expect(await again.get(full)).to.deep.equal(full);
    expect(await again.get({ nodeId: 300, sequenceId: 1n })).to.deep.equal(evidenceOf(1n));
    const summary: Partial<Evidence> = { ...full };
    delete summary.envelopes;
    delete summary.salt;
    expect((await again.latest(9))[1]).to.deep.equal(summary);
    expect(await again.has({ nodeId: 300, sequenceId: 2n })).to.equal(false);
    expect(await again.get({ nodeId: 400, sequenceId: 1n })).to.equal(undefined);
  });

  it("changes what it is told to and nothing else", async () => {
    const { evidence } = await fixture.open();
    await evidence.add(evidenceOf(1n));
    const key = { nodeId: 300, sequenceId: 1n };
    await Promise.all([
      evidence.change(key, { state: "committed", commitments: 1 }, 10),
      evidence.change(key, { caseId: 4n, executableAt: 5n, salt: `0x${"08".repeat(32)}` }, 10),
    ]);
    const both = { ...{ state: "committed" as const, commitments: 1, caseId: 4n, executableAt: 5n, changedAt: 10 } };
    expect(await evidence.get(key)).to.deep.equal(evidenceOf(1n, { ...both, salt: `0x${"08".repeat(32)}` }));
    await evidence.change(key, { caseId: undefined, state: "givenUp", reason: "late" }, 11);
    expect(await evidence.get(key))
      .to.include({ state: "givenUp", reason: "late" })
      .and.not.have.property("caseId");
    expect((await failureOf(evidence.change({ ...key, nodeId: 1 }, {}, 1))).message).to.include(
      "no evidence of node 1",
    );
  });

  it("counts what is open, forgets the oldest that was decided, and never what is open", async () => {
    const { evidence } = await fixture.open();
    await evidence.add(evidenceOf(1n));
    for (let n = 2n; n <= 203n; n++) await evidence.add(evidenceOf(n, { state: n % 2n === 0n ? "paid" : "givenUp" }));
    expect(await evidence.has({ nodeId: 300, sequenceId: 3n })).to.equal(false);
    expect(await evidence.has({ nodeId: 300, sequenceId: 4n })).to.equal(true);
    expect(await evidence.open()).to.deep.equal([{ nodeId: 300, sequenceId: 1n }]);
    expect([await evidence.openCount(300), await evidence.openCount(400)]).to.deep.equal([1, 0]);
  });

  it("remembers how far logs were compared, per peer", async () => {
    const { evidence } = await fixture.open();
    await evidence.setComparedTo(300, 400, 2n ** 64n - 1n);
    await evidence.setComparedTo(300, 400, 5n);
    expect([await evidence.comparedTo(300, 400), await evidence.comparedTo(300, 500)]).to.deep.equal([5n, 0n]);
  });
});
