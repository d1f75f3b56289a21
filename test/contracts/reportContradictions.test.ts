import { expect } from "chai";
import { keccak256 } from "ethers";

import { bytesField, field, varint } from "../../scripts/campaigns/envelopes/generate.ts";
import { encodeContradiction } from "../../src/contracts/contradiction.ts";
import type { Hex } from "../../src/protocol/bytes.ts";
import { concatBytes } from "../../src/protocol/bytes.ts";
import { signDigest } from "../../src/protocol/ecdsa.ts";
import { encodePayerEnvelope, originatorDigest } from "../../src/protocol/envelope.ts";
import type { LogEntry, LogRange } from "../../src/protocol/report/leaves.ts";
import { logsTree, rangeTree } from "../../src/protocol/report/leaves.ts";
import { proveEntry } from "../../src/protocol/report/logProofs.ts";
import type { Report } from "../../src/protocol/report/report.ts";
import { proveLeaf } from "../../src/protocol/report/tree.ts";
import type { World } from "./fixtures.ts";
import { signingKey } from "./fixtures.ts";
import { digestOf, hashOf, nextReport, passVetoWindow, rangeOf, reportWorld, submit } from "./reportWorld.ts";

const IDS = [3n, 7n, 8n, 20n];
const LAST = 30n;
/** The accused: the second seat. */
const NODE = 200;
const POSITION = 1;

interface Case {
  world: World;
  report: Report;
  digest: Hex;
  entries: LogEntry[];
  ranges: LogRange[];
  /** Asks with the proof that fits the id, with what a test changes. */
  asks: (
    id: bigint,
    hash: Hex,
    changes?: Partial<Parameters<typeof encodeContradiction>[0]>,
    nodeId?: number,
  ) => Promise<boolean>;
}

/** A final report, signed by these seats, in which node 200 has these ids up to 30. */
async function finalLog(signers = [0, 1, 2], ids = IDS): Promise<Case> {
  const world = await reportWorld(4);
  const entries = ids.map((sequenceId) => ({ sequenceId, payerEnvelopeHash: hashOf(NODE, sequenceId) }));
  const ranges = [rangeOf(100, 1n, 9n, [2n]), rangeOf(NODE, 2n, LAST, ids), rangeOf(300, 1n, 0n)];
  const logs = logsTree(ranges);
  const report = await nextReport(world, { logsRoot: logs.root });
  await submit(world, report, signers);
  await passVetoWindow(world);
  const digest = await digestOf(world, report);
  const tree = rangeTree(entries);
  const range = { range: ranges[1]!, proof: proveLeaf(logs, 1) };
  const asks: Case["asks"] = (id, hash, changes = {}, nodeId = NODE) => {
    const proved = { report, position: POSITION, range, ...proveEntry(tree, entries, id), ...changes };
    return world.epochReports.contradicts(digest, nodeId, id, hash, encodeContradiction(proved));
  };
  return { world, report, digest, entries, ranges, asks };
}

const OTHER: Hex = `0x${"5a".repeat(32)}`;

describe("EpochReports", function () {
  this.timeout(180_000);

  describe("contradicts", () => {
    it("is true for another hash and for none, at every id of the range, and false for what the log has", async () => {
      const { asks } = await finalLog();
      for (let id = 2n; id <= LAST; id++) {
        expect(await asks(id, OTHER), `${id}`).to.equal(true);
        expect(await asks(id, hashOf(NODE, id)), `${id}`).to.equal(!IDS.includes(id));
      }
      const empty = await finalLog([0, 1, 2], []);
      for (const id of [2n, 17n, LAST]) expect(await empty.asks(id, OTHER)).to.equal(true);
    });

    it("case 33d: is false for a receipt from before or after the range", async () => {
      const { asks } = await finalLog();
      for (const id of [0n, 1n, LAST + 1n, LAST + 100n]) expect(await asks(id, OTHER), `${id}`).to.equal(false);
    });

    it("is false while the report is not final, when it was vetoed, and when the node did not sign it", async () => {
      const { asks, world, report, digest, entries } = await finalLog([0, 2, 3]);
      expect(await asks(5n, OTHER)).to.equal(false);
      const next = await nextReport(world, { logsRoot: report.logsRoot });
      await submit(world, next, [0, 1, 2]);
      const range = {
        range: rangeOf(NODE, 2n, LAST, IDS),
        proof: proveLeaf(logsTree([rangeOf(100, 1n, 9n, [2n]), rangeOf(NODE, 2n, LAST, IDS), rangeOf(300, 1n, 0n)]), 1),
      };
      const proof = { report: next, position: POSITION, range, ...proveEntry(rangeTree(entries), entries, 5n) };
      const ask = async () =>
        world.epochReports.contradicts(await digestOf(world, next), NODE, 5n, OTHER, encodeContradiction(proof));
      expect(await ask()).to.equal(false);
      const snapshot = await world.net.networkHelpers.takeSnapshot();
      await passVetoWindow(world);
      expect(await ask()).to.equal(true);
      await snapshot.restore();
      await world.epochReports.connect(world.pauser).veto(await digestOf(world, next));
      await passVetoWindow(world);
      expect(await ask()).to.equal(false);
      expect(await world.epochReports.isFinal(digest)).to.equal(true);
    });

    it("is false for another report, seat, node or range than the receipt's", async () => {
      const { asks, world, report, ranges } = await finalLog();
      const logs = logsTree(ranges);
      expect(await asks(5n, OTHER, { report: { ...report, usageRoot: OTHER } })).to.equal(false);
      expect(await asks(5n, OTHER, { position: 0 })).to.equal(false);
      expect(await asks(5n, OTHER, { position: 3 })).to.equal(false);
      expect(await asks(5n, OTHER, { position: 300 })).to.equal(false);
      expect(await asks(5n, OTHER, {}, 300)).to.equal(false);
      // Another originator's range, in which the id is absent too.
      const foreign = {
        range: { range: ranges[0]!, proof: proveLeaf(logs, 0) },
        entries: proveEntry(
          rangeTree([{ sequenceId: 2n, payerEnvelopeHash: hashOf(100, 2n) }]),
          [{ sequenceId: 2n, payerEnvelopeHash: hashOf(100, 2n) }],
          5n,
        ).entries,
      };
      expect(await asks(5n, OTHER, foreign)).to.equal(false);
      expect(
        await asks(5n, OTHER, { range: { range: { ...ranges[1]!, firstSequenceId: 1n }, proof: proveLeaf(logs, 1) } }),
      ).to.equal(false);
      expect(await asks(5n, OTHER, { range: { range: ranges[1]!, proof: proveLeaf(logs, 0) } })).to.equal(false);
      await expect(world.epochReports.contradicts(OTHER, NODE, 5n, OTHER, "0x")).to.revert(world.ethers);
    });

    it("case 31: is false for entries that are no neighbours, out of order, in excess, missing, or not in the tree", async () => {
      const { asks, entries } = await finalLog();
      const tree = rangeTree(entries);
      const at = (index: number) => ({ ...entries[index]!, proof: proveLeaf(tree, index) });
      const none: [bigint, ReturnType<typeof at>[]][] = [
        [10n, [at(1), at(3)]],
        [10n, [at(3), at(2)]],
        [10n, [at(2)]],
        [5n, [at(1)]],
        [25n, [at(2)]],
        [10n, []],
        [10n, [at(1), at(2), at(3)]],
        [7n, [at(0), at(2)]],
        [8n, [at(2), at(3)]],
        [10n, [{ ...at(2), sequenceId: 9n }, at(3)]],
        [10n, [at(2), { ...at(3), payerEnvelopeHash: OTHER }]],
        [10n, [at(2), { ...at(3), proof: { ...at(3).proof, siblings: [] } }]],
        [10n, [at(2), { ...at(3), proof: { ...at(3).proof, count: 5 } }]],
        [10n, [at(2), { ...at(3), proof: { ...at(3).proof, total: 1n } }]],
        [10n, [at(2), { ...at(3), proof: { ...at(3).proof, index: 9 } }]],
        [10n, [at(2), { ...at(3), proof: { ...at(3).proof, siblings: [...at(3).proof.siblings, OTHER] } }]],
      ];
      for (const [id, wrong] of none) expect(await asks(id, OTHER, { entries: wrong })).to.equal(false);
      expect(await asks(10n, OTHER, { entries: [at(2), at(3)] })).to.equal(true);
    });

    it("fault 3: convicts a node of a receipt that the log it attested has not", async () => {
      const { world, digest, report, ranges, entries } = await finalLog();
      const { faultProofs, stranger, net } = world;
      const receiptOf = (id: bigint) => {
        const payer = encodePayerEnvelope({
          unsignedClientEnvelope: new Uint8Array(80).fill(7),
          payerSignature: new Uint8Array(65).fill(1),
          targetOriginator: NODE,
          retentionDays: 60,
        });
        const scalar = (number: number, value: bigint) => field(number, 0, varint(value));
        const envelope = concatBytes(scalar(1, BigInt(NODE)), scalar(2, id), scalar(3, 1_000n), bytesField(4, payer));
        return {
          envelope,
          pieces: [],
          signature: signDigest(originatorDigest(envelope), signingKey(POSITION)),
          hash: keccak256(payer),
        };
      };
      const proofOf = (id: bigint) =>
        encodeContradiction({
          report,
          position: POSITION,
          range: { range: ranges[1]!, proof: proveLeaf(logsTree(ranges), 1) },
          ...proveEntry(rangeTree(entries), entries, id),
        });
      const reporting = faultProofs.connect(stranger);
      const salt = OTHER;
      const receipt = receiptOf(10n);
      const evidence = await faultProofs.evidenceOf(3, await faultProofs.digestOf(receipt), digest);
      await reporting.commit(await faultProofs.commitmentOf(stranger, salt, evidence));
      await net.networkHelpers.time.increase(60);
      await expect(reporting.revealContradiction(receipt, digest, proofOf(11n), salt)).to.emit(
        faultProofs,
        "CaseOpened",
      );
      // case 33d: after the range nothing convicts, whatever proof is shown.
      const late = receiptOf(LAST + 1n);
      const lateEvidence = await faultProofs.evidenceOf(3, await faultProofs.digestOf(late), digest);
      await reporting.commit(await faultProofs.commitmentOf(stranger, salt, lateEvidence));
      await net.networkHelpers.time.increase(60);
      await expect(reporting.revealContradiction(late, digest, proofOf(LAST + 1n), salt)).to.be.revertedWithCustomError(
        faultProofs,
        "FaultProofsNoFault",
      );
    });
  });
});
