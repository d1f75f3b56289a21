import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { proveReceipts } from "../../../src/cli/receipts/receiptCommands.ts";
import { writeEvidence } from "../../../src/cli/receipts/receiptFiles.ts";
import { ethersReportsChain } from "../../../src/client/adapters/ethersReportsChain.ts";
import { openSqliteStore } from "../../../src/client/adapters/sqliteStore.ts";
import type { GatewayStore, KeptReceipt } from "../../../src/client/ports.ts";
import { ReceiptProver } from "../../../src/client/receipts/receiptProver.ts";
import { ReportLibrary } from "../../../src/client/receipts/reportLibrary.ts";
import type { ReportServers } from "../../../src/client/receipts/ports.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import type { Hex } from "../../../src/protocol/bytes.ts";
import type { LogEntry } from "../../../src/protocol/report/leaves.ts";
import { logsTree, rangeTree } from "../../../src/protocol/report/leaves.ts";
import { proveEntry } from "../../../src/protocol/report/logProofs.ts";
import { reportDigest } from "../../../src/protocol/report/report.ts";
import type { Report } from "../../../src/protocol/report/report.ts";
import { run } from "../../commands/support.ts";
import type { World } from "../../contracts/fixtures.ts";
import { passEpochs, registrationOf, signingKey } from "../../contracts/fixtures.ts";
import { domainOf, nextReport, passVetoWindow, rangeOf, reportWorld, submit } from "../../contracts/reportWorld.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { CHANNEL } from "../support/fakeNetwork.ts";
import { NEVER, honestPart } from "./fakeReports.ts";
import { commitReceipts, keptReceipt, signedEnvelope } from "./support.ts";

/** The second seat. */
const [NODE, POSITION] = [200, 1];
const ALL = { node: undefined, sequenceId: undefined, limit: 1_000 };

/** What node 200 signed under the key that the registry has of it. */
function receiptOf(id: bigint, key = signingKey(POSITION)): KeptReceipt {
  return { ...keptReceipt(NODE, id), envelope: signedEnvelope(NODE, id, {}, key) };
}

/** Real contracts, whose reports are served out of memory. */
class Network {
  readonly world: World;
  readonly #served = new Map<Hex, Awaited<ReturnType<ReportServers["report"]>> & { entries: LogEntry[] }>();

  constructor(world: World) {
    this.world = world;
  }

  /** Submits a report in which node 200 has these ids from `first` to `last`, signed by these seats. */
  async report(
    first: bigint,
    last: bigint,
    ids: bigint[],
    signers = [0, 1, 2],
  ): Promise<{ report: Report; digest: Hex }> {
    const { entries } = honestPart(NODE, first, last, ids);
    const own = { ...rangeOf(NODE, first, last), count: BigInt(ids.length), root: rangeTree(entries).root };
    const ranges = [rangeOf(100, first, last, [first]), own];
    const report = await nextReport(this.world, { logsRoot: logsTree(ranges).root });
    await submit(this.world, report, signers);
    const digest = toHex(reportDigest(await domainOf(this.world), report));
    this.#served.set(digest, { report, ranges, entries });
    return { report, digest };
  }

  async prover(store: GatewayStore) {
    const servers: ReportServers = {
      report: async (_, digest) => this.#served.get(digest)!,
      entry: async (_, { digest, sequenceId }) => {
        const { entries } = this.#served.get(digest)!;
        return proveEntry(rangeTree(entries), entries, sequenceId);
      },
    };
    const { world } = this;
    const contracts = world as unknown as Parameters<typeof ethersReportsChain>[0]["contracts"];
    const chain = ethersReportsChain({ contracts, provider: world.ethers.provider, domain: await domainOf(world) });
    const clock = new ManualClock();
    const limits = { chainTimeoutMs: 60_000, nodeTimeoutMs: 60_000, mostServers: 6 };
    const library = new ReportLibrary({ chain, servers, clock, random: () => 0, ...limits });
    return new ReceiptProver({ store, channel: CHANNEL, chain, library, clock, log: silentLog, ...limits });
  }
}

describe("client/receipts over EpochReports and FaultProofs", function () {
  this.timeout(180_000);
  let world: World;
  let network: Network;
  let store: GatewayStore;
  let directory: string;
  beforeEach(async () => {
    world = await reportWorld(4);
    network = new Network(world);
    store = openSqliteStore(":memory:");
    directory = mkdtempSync(join(tmpdir(), "pennyblack-evidence-"));
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  async function findings(): Promise<string[]> {
    await (await network.prover(store)).round(NEVER);
    const kept = await store.receipts(CHANNEL, undefined, 100);
    return kept.map(({ sequenceId, contradiction }) => {
      const evidence = contradiction?.proof === undefined ? contradiction?.reason : "evidence";
      return `${sequenceId}${contradiction ? `: ${evidence}` : ""}`;
    });
  }

  it("turns a receipt that the accused's own log has not into a case that freezes its stake", async () => {
    await commitReceipts(
      store,
      [3n, 4n, 5n, 12n].map((id) => receiptOf(id)),
    );
    const { digest } = await network.report(1n, 9n, [3n, 5n]);
    expect(await findings(), "not final yet").to.deep.equal(["3", "4", "5", "12"]);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["4: evidence", "12"]);
    const prover = await network.prover(store);
    const shown = await proveReceipts({ channel: CHANNEL, store }, ALL, { prover, directory, signal: NEVER });
    expect(shown.problem?.code).to.equal("receipt_contradicted");
    const first = join(directory, "contradiction-200-4.json");
    expect(shown.notes).to.deep.equal([`\`pennyblack fault prove ${first}\` brings it to the chain.`]);

    const dry = await run(world, world.stranger, "fault prove", { first, dryRun: true });
    expect(dry.exitCode, dry.err).to.equal(0);
    expect(dry.out).to.include("a report contradicts").and.include(digest);
    const ran = await run(world, world.stranger, "fault prove", { first, json: true });
    expect(ran.exitCode, ran.out).to.equal(0);
    expect(ran.json).to.deep.include({ caseId: "1", nodeId: NODE, sequenceId: "4" });
    expect(await world.nodeStaking.isFrozen(NODE)).to.equal(true);
    const { fault, reporter } = await world.faultProofs.getCase(1);
    expect([fault, reporter]).to.deep.equal([3n, world.stranger.address]);
    const again = await run(world, world.stranger, "fault prove", { first, json: true });
    expect(again.json.error.code).to.equal("nothing_to_do");
  });

  it("raises an open case of a lighter fault", async () => {
    await commitReceipts(store, [receiptOf(4n)]);
    await network.report(1n, 9n, []);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["4: evidence"]);
    const prover = await network.prover(store);
    await proveReceipts({ channel: CHANNEL, store }, ALL, { prover, directory, signal: NEVER });
    // Both receipts of one id convict it of an equivocation too.
    const second = signedEnvelope(NODE, 4n, { originatorNs: 77n }, signingKey(POSITION));
    const pair = { envelopes: [toHex(receiptOf(4n).envelope), toHex(second)] };
    const lighter = writeEvidence(directory, "equivocation.json", pair);
    expect((await run(world, world.stranger, "fault prove", { first: lighter, json: true })).exitCode).to.equal(0);
    const first = join(directory, "contradiction-200-4.json");
    const raised = await run(world, world.operator, "fault prove", { first, json: true });
    expect(raised.exitCode, raised.out).to.equal(0);
    const { fault, reporter } = await world.faultProofs.getCase(1);
    expect([fault, reporter]).to.deep.equal([3n, world.operator.address]);
  });

  it("case 33d: a receipt collected before the range ended, or of a later range, becomes no evidence", async () => {
    await commitReceipts(
      store,
      [9n, 10n, 15n].map((id) => receiptOf(id)),
    );
    await network.report(1n, 9n, [9n]);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["10", "15"]);
    await passEpochs(world, 1);
    await network.report(10n, 14n, [10n]);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["15"]);
  });

  it("case 33d: nor does one under a report that is vetoed and made again", async () => {
    await commitReceipts(
      store,
      [4n, 5n].map((id) => receiptOf(id)),
    );
    const vetoed = await network.report(1n, 9n, [4n]);
    await world.epochReports.connect(world.pauser).veto(vetoed.digest);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["4", "5"]);
    await network.report(1n, 4n, [4n]);
    expect(await findings(), "not final yet").to.deep.equal(["4", "5"]);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["5"]);
  });

  it("case 33d: nor does one that the node contradicts nowhere itself, because it did not attest", async () => {
    await commitReceipts(store, [receiptOf(4n)]);
    await network.report(1n, 9n, [3n], [0, 2, 3]);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["4: the node did not attest the report: the log is not its word"]);
    const prover = await network.prover(store);
    const shown = await proveReceipts({ channel: CHANNEL, store }, ALL, { prover, directory, signal: NEVER });
    expect(shown.notes, "nothing to bring to the chain").to.deep.equal([]);
  });

  it("convicts under a key that was rotated, while evidence under it is taken, and nobody of a forgery", async () => {
    const stranger = new Uint8Array(32).fill(0x77);
    await commitReceipts(store, [receiptOf(4n), receiptOf(5n, stranger)]);
    const { signingPublicKey, signingProof } = registrationOf(world, world.operator, 40);
    await world.nodeRegistry.connect(world.operator).rotateSigningKey(NODE, signingPublicKey, signingProof);
    await network.report(1n, 9n, []);
    await passVetoWindow(world);
    expect(await findings()).to.deep.equal(["4: evidence", "5: no key signed it that the node has or had"]);
  });

  it("sends nothing when the chain does not see what a file says", async () => {
    const { digest } = await network.report(1n, 9n, [4n]);
    await passVetoWindow(world);
    const before = await world.ethers.provider.getBlockNumber();
    const evidence = { envelopes: [toHex(receiptOf(4n).envelope)], report: digest };
    for (const [i, proof] of ["0x00", `0x${"00".repeat(700)}`].entries()) {
      const first = writeEvidence(directory, `${i}.json`, { ...evidence, proof });
      const ran = await run(world, world.stranger, "fault prove", { first, json: true });
      expect(ran.json.error.code, ran.out).to.equal("bad_evidence");
    }
    const twice = writeEvidence(directory, "two.json", {
      ...evidence,
      envelopes: [...evidence.envelopes, "0x00"],
      proof: "0x00",
    });
    expect((await run(world, world.stranger, "fault prove", { first: twice, json: true })).json.error.code).to.equal(
      "bad_evidence",
    );
    expect(await world.ethers.provider.getBlockNumber()).to.equal(before);
  });
});
