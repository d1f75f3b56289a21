import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { fromBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { Command } from "commander";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { addReceiptCommands } from "../../src/cli/receipts/commands.ts";
import type { Receipts, Selection } from "../../src/cli/receipts/receiptCommands.ts";
import { auditReceipts, exportLines, listReceipts, proveReceipts } from "../../src/cli/receipts/receiptCommands.ts";
import { readReceipts, writeEvidence } from "../../src/cli/receipts/receiptFiles.ts";
import { openSqliteStore } from "../../src/client/adapters/sqliteStore.ts";
import type { GatewayStore } from "../../src/client/ports.ts";
import { auditReceipt } from "../../src/client/receipts/auditReceipt.ts";
import { ReceiptProver } from "../../src/client/receipts/receiptProver.ts";
import { SigningKeys } from "../../src/client/receipts/signingKeys.ts";
import { CommandError } from "../../src/commands/core/errors.ts";
import { readExhibits } from "../../src/commands/network/evidenceFiles.ts";
import { faultIn } from "../../src/contracts/faultEvidence.ts";
import { writeKeyFile } from "../../src/platform/keyFile.ts";
import { silentLog } from "../../src/platform/log.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { readOriginatorEnvelope, signOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { groupMessage } from "../support/envelopes.ts";
import { FakeReports, NEVER, honestPart } from "../client/receipts/fakeReports.ts";
import { commitReceipts, keptReceipt } from "../client/receipts/support.ts";
import { CHANNEL, POSTAGE_KEY } from "../client/support/fakeNetwork.ts";
import { GatewayHarness, publish } from "../client/support/gatewayHarness.ts";

const ALL: Selection = { node: undefined, sequenceId: undefined, limit: 1_000 };

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof CommandError) return error.code;
    throw error;
  }
  return "no error";
}

describe("cli/receipts", () => {
  let directory: string;
  let store: GatewayStore;
  let receipts: Receipts;
  let reports: FakeReports;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "pennyblack-receipts-"));
    store = openSqliteStore(":memory:");
    receipts = { channel: CHANNEL, store };
    reports = new FakeReports();
    await commitReceipts(store, [
      ...[3n, 4n, 5n, 10n].map((id) => keptReceipt(200, id)),
      keptReceipt(100, 1n),
      keptReceipt(300, 7n),
    ]);
  });
  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  const prove = async (selection = ALL) => {
    const library = reports.library();
    await library.refresh(NEVER);
    const shared = { clock: reports.clock, log: silentLog, chainTimeoutMs: 1_000 };
    const prover = new ReceiptProver({ ...receipts, store, chain: reports.chain(), library, ...shared });
    return proveReceipts(receipts, selection, { prover, directory, signal: NEVER });
  };

  it("lists what is kept, of one node, of one place, or so many", async () => {
    const names = async (selection: Partial<Selection>) =>
      (await listReceipts(receipts, { ...ALL, ...selection })).sections[0]!.rows.map(([name]) => name);
    expect(await names({})).to.deep.equal(["100:1", "200:3", "200:4", "200:5", "200:10", "300:7"]);
    expect(await names({ node: 200, limit: 2 })).to.deep.equal(["200:3", "200:4"]);
    expect(await names({ node: 200, sequenceId: 10n })).to.deep.equal(["200:10"]);
    expect(await codeOf(() => names({ node: 200, sequenceId: 11n }))).to.equal("unknown_receipt");
    const { notes } = await listReceipts(receipts, { ...ALL, limit: 2 });
    expect(notes[0]).to.include("first 2");
  });

  it("proves: says how many are where, writes evidence, and is no success when something is contradicted", async () => {
    reports.add(
      {
        100: honestPart(100, 1n, 2n, [1n]),
        200: honestPart(200, 1n, 9n, [3n, 5n]),
        300: honestPart(300, 1n, 9n, []),
      },
      0b011n,
    );
    const { data, problem, notes, sections } = await prove();
    expect(data.counts).to.deep.equal({ included: 3, notCovered: 1, contradicted: 2, unserved: 0 });
    expect(problem?.code).to.equal("receipt_contradicted");
    expect(notes, "the other node did not attest").to.have.length(1);
    expect(sections[1]!.rows.map(([name]) => name)).to.deep.equal(["200:4", "300:7"]);
    expect(sections[1]!.rows[1]![1]).to.include("convicts nobody: the node did not attest");
    const { envelopes, contradiction } = readExhibits([join(directory, "contradiction-200-4.json")]);
    expect(faultIn(envelopes, contradiction)).to.include({ fault: "contradictedReceipt", nodeId: 200, sequenceId: 4n });
    const again = await prove();
    expect(again.data.counts, "what was proved is gone").to.deep.equal({
      included: 0,
      notCovered: 1,
      contradicted: 2,
      unserved: 0,
    });
    expect(again.notes, "the evidence is the same").to.deep.equal(notes);
    writeFileSync(join(directory, "contradiction-200-4.json"), "mine");
    expect(await codeOf(() => prove())).to.equal("file_exists");
  });

  it("is no success when nobody serves a proof, and is one when there is nothing to say yet", async () => {
    expect((await prove()).problem).to.equal(undefined);
    reports.add({ 200: honestPart(200, 1n, 9n, [3n, 4n, 5n]) });
    for (const id of reports.seats) reports.liars.set(id, { entry: async () => Promise.reject(new Error("down")) });
    const { problem, data } = await prove({ ...ALL, node: 200 });
    expect(problem?.code).to.equal("receipt_not_served");
    expect(data.counts).to.deep.equal({ included: 0, notCovered: 1, contradicted: 0, unserved: 3 });
  });

  it("exports lines that are read again as they were, and nothing else is", async () => {
    const contradiction = { report: `0x${"ab".repeat(32)}`, proof: "0x01", reason: undefined } as const;
    await store.contradictReceipt(CHANNEL, { originatorId: 200, sequenceId: 4n }, contradiction);
    const file = join(directory, "receipts.jsonl");
    let text = "";
    for await (const line of exportLines(receipts, ALL)) text += line;
    writeFileSync(file, text);
    expect(readReceipts(file)).to.deep.equal(await store.receipts(CHANNEL, undefined, 100));
    for (const wrong of ["{", "[]", '{"envelope":"0x01","keptAt":1}', text.replaceAll("0x0a", "0x0")]) {
      writeFileSync(file, wrong);
      expect(await codeOf(() => readReceipts(file)), wrong.slice(0, 40)).to.equal("bad_file");
    }
    expect(await codeOf(() => readReceipts(directory))).to.equal("bad_file");
  });

  it("writes evidence once", () => {
    const file = writeEvidence(join(directory, "new"), "a.json", { a: 1 });
    expect(writeEvidence(join(directory, "new"), "a.json", { a: 1 })).to.equal(file);
    expect(JSON.parse(readFileSync(file, "utf8"))).to.deep.equal({ a: 1 });
  });
});

describe("pennyblack receipts", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pennyblack-receipts-"));
    writeKeyFile(join(directory, "key"), toHex(POSTAGE_KEY));
    const config = {
      ...{ deployment: "none.json", rpcUrl: "http://127.0.0.1:1", listen: { host: "127.0.0.1", port: 0 } },
      ...{ dataDirectory: ".", postageKeyFile: "key", transactionKeyFile: "key" },
    };
    writeFileSync(join(directory, "gateway.json"), JSON.stringify(config));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  async function run(...typed: string[]) {
    const printed = { out: "", err: "", exitCode: -1 };
    const program = new Command().exitOverride();
    const output = {
      out: (text: string) => void (printed.out += text),
      err: (text: string) => void (printed.err += text),
    };
    addReceiptCommands(program, output, (code) => (printed.exitCode = code));
    const [name, ...rest] = typed;
    const config = ["--config", join(directory, "gateway.json")];
    await program.parseAsync(["node", "pennyblack", "receipts", name!, ...config, ...rest]);
    return printed;
  }

  it("lists and exports what a gateway keeps, and lists what was exported", async () => {
    const missing = await run("list");
    expect([missing.exitCode, missing.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 2 && err.includes("gateway.sqlite"),
    );
    const store = openSqliteStore(join(directory, "gateway.sqlite"));
    await commitReceipts(store, [keptReceipt(200, 3n), keptReceipt(100, 2n ** 64n - 1n)]);
    await store.close();
    const listed = await run("list", "--json");
    expect(listed.exitCode).to.equal(0);
    expect(listed.out).to.include(`"${2n ** 64n - 1n}"`);
    const file = join(directory, "out.jsonl");
    expect((await run("export", "--to", file)).out).to.include("2 receipts are in");
    expect((await run("list", "--json", "--file", file)).out).to.equal(listed.out);
    expect((await run("export", "--to", file)).exitCode, "nothing is overwritten").to.equal(2);
    const one = await run("list", "--node", "200", "--sequence-id", "3", "--file", file, "--json");
    expect((JSON.parse(one.out) as { receipts: object[] }).receipts).to.have.length(1);
  });

  it("says what was typed wrong", async () => {
    for (const typed of [
      ["--sequence-id", "3"],
      ["--node", "x"],
      ["--node", "200", "--sequence-id", "-1"],
      ["--limit", "0"],
    ]) {
      expect((await run("list", ...typed)).exitCode, typed.join(" ")).to.equal(2);
    }
  });
});

describe("cli/receipts audit", function () {
  this.timeout(180_000);
  let harness: GatewayHarness;
  let directory: string;
  beforeEach(() => {
    harness = new GatewayHarness(5);
    directory = mkdtempSync(join(tmpdir(), "pennyblack-audit-"));
  });
  afterEach(async () => {
    await harness.stop();
    rmSync(directory, { recursive: true });
  });

  async function audited(mostNodes: number) {
    const { network, clock } = harness;
    const store = harness.openStore();
    const keys = new SigningKeys({ chain: network.chain(), clock, chainTimeoutMs: 1_000, clockSkewMs: 1_000 });
    const nodes = network.nodes.map(({ registered }) => registered);
    const options = { connectNode: network.connect, keys, clock, random: () => 0.99, nodeTimeoutMs: 1_000, mostNodes };
    try {
      const audit = (receipt: Parameters<typeof auditReceipt>[0]) => auditReceipt(receipt, nodes, options, NEVER);
      return await auditReceipts({ channel: CHANNEL, store }, ALL, { audit, directory });
    } finally {
      await store.close();
    }
  }

  it("says of each node that is asked what it serves, and makes evidence of what was signed twice", async () => {
    const gateway = await harness.start();
    const answers = [
      await harness.settle(publish(gateway, groupMessage(1))),
      await harness.settle(publish(gateway, groupMessage(2))),
    ];
    await harness.settle(gateway.close());
    const { originatorId } = readOriginatorEnvelope(answers[0]![0]!);
    const others = harness.network.nodes.filter(({ id }) => id !== originatorId);
    const own = harness.network.node(originatorId);
    expect((await audited(9)).problem, "all serve both").to.equal(undefined);
    expect((await audited(2)).sections[0]!.rows, "two are asked").to.have.length(2);

    const [lags, lacks, differs, forges] = others as [typeof own, typeof own, typeof own, typeof own];
    const replace = (node: typeof own, key: Uint8Array) => {
      const honest = node.query.bind(node);
      node.query = (query) =>
        honest(query).map((envelope) => {
          const read = readOriginatorEnvelope(envelope);
          if (read.sequenceId !== 1n) return envelope;
          const bytes = signOriginatorEnvelope({ ...read, payerEnvelope: Uint8Array.of(1, 2, 3) }, key);
          return fromBinary(OriginatorEnvelopeSchema, bytes);
        });
    };
    lags.serves = () => false;
    lacks.serves = ({ sequenceId }) => sequenceId > 1n;
    replace(differs, own.key);
    replace(forges, new Uint8Array(32).fill(0x77));
    const { problem, data, notes } = await audited(9);
    const [first, second] = data.receipts as { answers: { nodeId: number; served: string }[] }[];
    const served = (one: typeof first) =>
      Object.fromEntries(one!.answers.map((answer) => [answer.nodeId, answer.served]));
    expect(served(first)).to.deep.equal({
      [lags.id]: "notYet",
      [lacks.id]: "missing",
      [differs.id]: "other",
      [forges.id]: "forged",
    });
    expect(served(second)).to.deep.equal({
      [lags.id]: "notYet",
      [lacks.id]: "served",
      [differs.id]: "served",
      [forges.id]: "served",
    });
    expect(problem?.code).to.equal("receipt_contradicted");
    expect(notes).to.have.length(1);
    const { envelopes } = readExhibits([join(directory, `equivocation-${originatorId}-1.json`)]);
    expect(faultIn(envelopes)).to.include({ fault: "equivocation", nodeId: originatorId, sequenceId: 1n });
  });

  it("goes on when nodes do not answer, and says that somebody lacks what has later ones", async () => {
    const gateway = await harness.start();
    await harness.settle(publish(gateway, groupMessage(1), groupMessage(2)));
    await harness.settle(gateway.close());
    for (const node of harness.network.nodes) node.isDown = true;
    const { problem, sections } = await audited(9);
    expect(problem).to.equal(undefined);
    expect(sections[0]!.rows.every(([, text]) => text.includes("did not answer"))).to.equal(true);
    for (const node of harness.network.nodes) {
      node.isDown = false;
      node.serves = ({ sequenceId }) => sequenceId > 1n;
    }
    expect((await audited(9)).problem?.code).to.equal("receipt_not_served");
  });
});
