import { expect } from "chai";

import { httpReports } from "../../../src/daemon/adapters/httpReports.ts";
import { FactKind, packFacts } from "../../../src/daemon/reports/facts.ts";
import { LogWalk } from "../../../src/daemon/reports/logWalk.ts";
import type { ReportContents } from "../../../src/daemon/reports/ports.ts";
import { Proofs } from "../../../src/daemon/reports/proofs.ts";
import { reportsHandler } from "../../../src/daemon/reports/reportRoutes.ts";
import { NO_EVIDENCE } from "../../../src/daemon/reports/stamps/evidence.ts";
import { UsageLeaves } from "../../../src/daemon/reports/usageLeaves.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Listener } from "../../../src/platform/listen.ts";
import { listen } from "../../../src/platform/listen.ts";
import { toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { keccak256 } from "../../../src/protocol/keccak.ts";
import { BLOCK_LEAVES } from "../../../src/protocol/report/blockTree.ts";
import { usageFields } from "../../../src/protocol/report/leaves.ts";
import { isRangeOf, readEntryProof } from "../../../src/protocol/report/logProofs.ts";
import { TreeTag, rootOfProof } from "../../../src/protocol/report/tree.ts";
import { payerEnvelope } from "../../support/envelopes.ts";
import { PAYER, PAYER_KEY } from "../support.ts";
import { Network } from "./network.ts";
import { EPOCH, EPOCH_END, EPOCH_SECONDS, IN_EPOCH_NS } from "./support.ts";

const hashOf = (id: bigint) => keccak256(uintToBytes(id, 8));

/** A report of one log that has only some sequence ids. */
async function reportOf(sequenceIds: readonly bigint[]) {
  const facts = sequenceIds.map((sequenceId) => ({
    ...{ sequenceId, kind: FactKind.copy, seconds: EPOCH_END - 1n, size: 0, payer: PAYER },
    payerEnvelopeHash: hashOf(sequenceId),
  }));
  const pages = async (_: number, after: bigint, limit: number) =>
    limit > 0 && after < sequenceIds.at(-1)! ? [{ after: 0n, last: sequenceIds.at(-1)!, facts: packFacts(facts) }] : [];
  const walk = new LogWalk({ store: { pages }, originatorId: 200, after: 0n, endsAt: EPOCH_END });
  const { range } = await walk.whole();
  const contents = {
    ranges: [range],
    usage: new UsageLeaves(new Uint8Array()),
    debits: [],
  } as unknown as ReportContents;
  return { range, proofs: new Proofs({ pages, get: async () => contents }) };
}

describe("daemon/reports: what is served of reports", () => {
  const DIGEST = toHex(new Uint8Array(32));

  it("proves presence and absence of every sequence id of a range, also where blocks of the tree meet", async () => {
    const ids = Array.from({ length: 2 * BLOCK_LEAVES + 2 }, (_, i) => BigInt(3 * i + 2));
    const { range, proofs } = await reportOf(ids);
    const edge = 3n * BigInt(BLOCK_LEAVES);
    const asked = [
      1n,
      2n,
      3n,
      4n,
      5n,
      ...Array.from({ length: 12 }, (_, i) => edge - 6n + BigInt(i)),
      ids.at(-1)! - 1n,
      ids.at(-1)!,
    ];
    for (const id of asked) {
      const { entry } = (await proofs.entry(DIGEST, 200, id))!;
      const finding = readEntryProof(range, id, entry);
      const expected = ids.includes(id)
        ? { kind: "present", payerEnvelopeHash: toHex(hashOf(id)) }
        : { kind: "absent" };
      expect(finding, `sequence id ${id}`).to.deep.equal(expected);
    }
    expect(await proofs.entry(DIGEST, 200, ids.at(-1)! + 1n)).to.equal(undefined);
    expect(await proofs.entry(DIGEST, 300, 2n)).to.equal(undefined);
  });

  it("proves nothing of a range whose facts are gone, and says nothing wrong", async () => {
    const { range } = await reportOf([1n, 2n, 3n]);
    const contents = { ranges: [range], usage: new UsageLeaves(new Uint8Array()) } as unknown as ReportContents;
    const proofs = new Proofs({ get: async () => contents, pages: async () => [] });
    const problem = await proofs.entry(DIGEST, 200, 2n).catch((error: Error) => error.message);
    expect(problem).to.equal("0 of 3 entries of originator 200 are kept");
  });
});

describe("daemon/reports: after a report is on chain", () => {
  let network: Network;
  beforeEach(async () => {
    network = await Network.of(4);
    for (const { nodeId } of network.nodes) {
      for (let n = 0; n < 3; n++) network.deliver(nodeId, payerEnvelope(n, nodeId, PAYER_KEY), IN_EPOCH_NS);
    }
    await network.meterAll();
    await network.untilReported();
  });
  afterEach(() => network.close());

  /** Everybody looks, also at what is looked at seldom. */
  async function look(): Promise<void> {
    network.clock.advance(300_000);
    for (const { nodeId } of network.nodes) await network.step(nodeId);
  }

  it("is final after the veto window, announced once, and then left alone", async () => {
    const { digest } = network.reported;
    await look();
    const [accepted] = await network.node(100).store.latest(1);
    expect(accepted).to.include({ digest, state: "accepted", finalAt: network.chain.chain[0]!.finalAt });
    expect(network.chain.announced).to.deep.equal([]);
    network.chain.time = network.chain.chain[0]!.finalAt;
    await look();
    const { lastFinal } = await network.step(200);
    expect(lastFinal).to.include({ digest, epoch: EPOCH, state: "final" });
    network.chain.time += 300n;
    await look();
    expect(network.chain.announced).to.deep.equal([digest]);
    expect(network.chain.applied, "nobody to punish").to.deep.equal([]);
    await look();
    const asked: string[] = [];
    const standing = network.chain.standing.bind(network.chain);
    network.chain.standing = async (one) => (asked.push(one), standing(one));
    await look();
    expect(asked).not.to.include(digest);
  });

  it("a report that another one came before, or that was vetoed, is void", async () => {
    const { digest } = network.reported;
    network.chain.standing = async () => ({
      status: "vetoed",
      finalAt: 0n,
      hasPenaltiesApplied: false,
      isAnnounced: false,
    });
    await look();
    expect(await network.node(100).store.summary(digest)).to.include({ state: "void" });
  });

  it("forgets a report and the facts of its ranges a year after it was final, not before", async () => {
    const { digest } = network.reported;
    const { store } = network.node(100);
    const { finalAt } = network.chain.chain[0]!;
    network.chain.time = finalAt + 600n;
    await look();
    await look();
    network.chain.head = async () => ({ digest, length: 1n, round: 0, epoch: EPOCH + 1_000n });
    network.chain.time = finalAt + 365n * 86_400n;
    await look();
    expect(await store.get(digest)).not.to.equal(undefined);
    expect(await store.pages(200, 0n, 9)).not.to.deep.equal([]);
    network.chain.time += 1n;
    await look();
    expect(await store.get(digest)).to.equal(undefined);
    expect(await store.pages(200, 0n, 9)).to.deep.equal([]);
  });

  it("answers a roll call at once, and once", async () => {
    network.chain.call = { number: 3n, answerUntil: network.chain.time + 86_400n, isClosed: false };
    for (let i = 0; i < 2; i++) for (const { nodeId } of network.nodes) await network.step(nodeId);
    expect(network.chain.answers).to.equal(0b1111n);
    expect(network.chain.answersSent).to.equal(4);
    network.chain.answers = 0n;
    network.chain.time += 86_400n;
    network.chain.head = () => Promise.reject(new Error("no head"));
    await network.step(100).catch(() => {});
    expect(network.chain.answers, "too late").to.equal(0n);
  });

  it("answers a roll call also when reports cannot be worked on", async () => {
    network.chain.call = { number: 3n, answerUntil: network.chain.time + 86_400n, isClosed: false };
    network.chain.head = () => Promise.reject(new Error("no head"));
    const failed = await network.step(100).catch((error: Error) => error.message);
    expect(failed).to.include("no head");
    expect(network.chain.answers).to.equal(1n);
  });

  describe("over HTTP", () => {
    let listener: Listener;
    const url = () => `http://127.0.0.1:${listener.port}`;
    const { signal } = new AbortController();
    beforeEach(async () => {
      const { reporter, store } = network.node(100);
      listener = await listen(reportsHandler(reporter, new Proofs(store), silentLog), { host: "127.0.0.1", port: 0 });
    });
    afterEach(() => listener.close());
    const get = async (path: string) => {
      const response = await fetch(`${url()}/reports/${path}`);
      return { status: response.status, body: (await response.json()) as Record<string, never> };
    };

    it("serves a report, its leaves with proofs, and nothing that is not there", async () => {
      const { digest, report } = network.reported;
      const whole = await get(digest);
      expect(whole.body.report).to.include({ epoch: String(EPOCH), usageRoot: report.usageRoot });
      const { body: usage } = await get(`${digest}/usage/${PAYER}`);
      const { leaf, proof } = usage as unknown as { leaf: Record<string, string>; proof: Record<string, never> };
      const read = {
        channel: PAYER,
        usagePico: BigInt(leaf.usagePico!),
        authorisedAmount: BigInt(leaf.authorisedAmount!),
      };
      const path = { ...proof, total: BigInt(proof.total!) } as unknown as Parameters<typeof rootOfProof>[2];
      expect(rootOfProof(TreeTag.usage, usageFields(read), path)).to.equal(report.usageRoot);
      const proved = await new Proofs(network.node(200).store).entry(digest, 300, 2n);
      expect(isRangeOf(report.logsRoot, proved!.range)).to.equal(true);
      const hash = toHex(keccak256(payerEnvelope(1, 300, PAYER_KEY)));
      expect(readEntryProof(proved!.range.range, 2n, proved!.entry)).to.deep.equal({
        kind: "present",
        payerEnvelopeHash: hash,
      });
      const served = await get(`${digest}/ranges/300/2`);
      const plain = JSON.parse(
        JSON.stringify(proved, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
      ) as object;
      expect(served.body).to.deep.equal(plain);
      for (const path of [`${digest}/ranges/999`, `${digest}/ranges/300/4`, `0x${"77".repeat(32)}`, "nothing"]) {
        expect((await get(path)).status, path).to.equal(404);
      }
    });

    it("takes and answers what daemons ask one another", async () => {
      const { digest } = network.reported;
      expect(toHex(await httpReports.contents(url(), digest, signal))).to.have.length.greaterThan(500);
      expect(await httpReports.vouchers(url(), [PAYER], signal)).to.deep.equal(new Uint8Array());
      network.chain.time += EPOCH_SECONDS;
      const question = { epoch: EPOCH + 1n, parent: digest, ends: [{ originatorId: 200, sequenceId: 3n }] };
      const { whole, factsAt } = await httpReports.ask(url(), question, signal);
      expect(whole).to.have.length(4);
      expect(factsAt[0]).to.equal(whole[1]!.facts);
      const { report } = network.reported;
      const proposal = {
        nodeId: 500,
        attestation: new Uint8Array(96),
        report: { ...report, epoch: EPOCH + 1n, parent: digest },
      };
      const reply = await httpReports.propose(
        url(),
        { ...proposal, ranges: [], unpaidChannels: [], vouchers: new Uint8Array(), evidence: NO_EVIDENCE },
        signal,
      );
      expect(reply).to.include({ why: "not_a_seat" });
    });

    it("refuses what is malformed or too large", async () => {
      const post = async (path: string, body: string) => {
        return (await fetch(`${url()}/reports/${path}`, { method: "POST", body })).status;
      };
      expect(await post("questions", "no JSON")).to.equal(400);
      expect(await post("questions", "{}")).to.equal(400);
      expect(await post("proposals", JSON.stringify({ nodeId: -1 }))).to.equal(400);
      expect(await post("vouchers", JSON.stringify({ channels: Array(1_001).fill(PAYER) }))).to.equal(400);
      expect(await post("nothing", "{}")).to.equal(404);
      const early = { epoch: String(EPOCH), parent: network.reported.digest, ends: [] };
      expect(await post("questions", JSON.stringify(early)), "not due").to.equal(400);
    });
  });
});
