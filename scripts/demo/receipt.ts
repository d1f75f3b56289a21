import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { LocalNetwork, LocalNode } from "../local/localNetwork.ts";
import { readReceipts } from "../../src/cli/receipts/receiptFiles.ts";
import type { KeptReceipt, ReportServers } from "../../src/index.ts";
import {
  ReportLibrary,
  SigningKeys,
  auditReceipt,
  connectGrpcNode,
  ethersReportsChain,
  httpReportServers,
} from "../../src/index.ts";
import { systemClock as clock } from "../../src/platform/clock.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { toHex } from "../../src/protocol/bytes.ts";
import { payerEnvelopeHash, readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import type { LogRange } from "../../src/protocol/report/leaves.ts";
import { logEntryFields, logRangeFields, logsTree } from "../../src/protocol/report/leaves.ts";
import { TreeTag, proveLeaf, rootOfProof } from "../../src/protocol/report/tree.ts";
import { reportsDomain } from "../../src/contracts/domains.ts";

const PENNYBLACK = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const LIMITS = { chainTimeoutMs: 15_000, nodeTimeoutMs: 10_000, mostServers: 16 };
const CLOCK_SKEW_MS = 600_000;
const MOST_NODES = 16;

/** A leaf on its way to a root. */
export interface WayUp {
  index: number;
  count: number;
  siblings: number;
  /** Where it leads. */
  root: Hex | undefined;
}

/** One receipt held against a final report, each step computed here from what a node served. */
export interface ReceiptStory {
  nodeId: number;
  sequenceId: bigint;
  /** Whose key signed it, as the registry has it. */
  signer: Address | undefined;
  payerEnvelopeHash: Hex;
  digest: Hex;
  /** Who served the proof. */
  servedBy: number;
  /** The node's log in it, and all logs. */
  range: LogRange;
  ranges: readonly LogRange[];
  entry: WayUp;
  log: WayUp;
  logsRoot: Hex;
  /** Other nodes that serve the same envelope. */
  alsoServe: number[];
}

export interface KeptFile {
  file: string;
  receipts: KeptReceipt[];
}

/** The receipts that the gateway keeps, in a file, as its operator gets them. */
export async function exportReceipts(directory: string): Promise<KeptFile> {
  const file = join(directory, `receipts-${Date.now()}.jsonl`);
  await pennyblack("receipts", "export", "--config", join(directory, "gateway", "config.json"), "--to", file);
  return { file, receipts: readReceipts(file) };
}

/** Proves a receipt against the final report that covers it, by the client's own helper, with what some nodes serve of it. */
export async function holdAgainst(
  network: LocalNetwork,
  receipt: KeptReceipt,
  servers: readonly LocalNode[],
): Promise<ReceiptStory> {
  const signal = new AbortController().signal;
  const { contracts, chain: local } = network;
  const chain = ethersReportsChain({ contracts, provider: local.provider, domain: reportsDomain(network.record) });
  const { originatorId: nodeId, sequenceId } = receipt;
  const read = readOriginatorEnvelope(receipt.envelope);

  const nodes = await chain.nodes(signal);
  const ids = new Set(servers.map((node) => node.nodeId));
  const asked = nodes.filter(({ id }) => ids.has(id));
  let servedBy = 0;
  const noted: ReportServers = {
    report: (...asked) => httpReportServers.report(...asked),
    async entry(httpAddress, ...rest) {
      const entry = await httpReportServers.entry(httpAddress, ...rest);
      servedBy = asked.find((node) => node.httpAddress === httpAddress)!.id;
      return entry;
    },
  };
  const library = new ReportLibrary({
    ...{ chain: { ...chain, nodes: async () => asked }, servers: noted, clock, random: Math.random, ...LIMITS },
  });
  await library.refresh(signal);
  const covering = await library.covering(receipt, signal);
  if (!covering) throw new Error(`no final report covers envelope ${sequenceId} of node ${nodeId}`);
  const { report, range } = covering;
  const { entries } = await library.place(report, range, sequenceId, signal);
  const [entry] = entries;
  if (entries.length !== 1 || !entry) throw new Error(`the report does not have envelope ${sequenceId}`);
  const own = toHex(payerEnvelopeHash(read.payerEnvelope));
  const fields = logEntryFields({ sequenceId, payerEnvelopeHash: own });
  const inLogs = proveLeaf(logsTree(report.ranges), report.ranges.indexOf(range));

  const keys = new SigningKeys({ chain, clock, ...LIMITS, clockSkewMs: CLOCK_SKEW_MS });
  const options = { connectNode: connectGrpcNode, keys, clock, random: Math.random, ...LIMITS, mostNodes: MOST_NODES };
  const audited = await auditReceipt(receipt, nodes, options, signal);
  return {
    ...{ nodeId, sequenceId, servedBy, range, ranges: report.ranges, digest: report.digest, payerEnvelopeHash: own },
    signer: await keys.signerOf(
      read,
      nodes.find(({ id }) => id === nodeId)!,
      signal,
    ),
    entry: wayUp(entry.proof, rootOfProof(TreeTag.range, fields, entry.proof)),
    log: wayUp(inLogs, rootOfProof(TreeTag.logs, logRangeFields(range), inLogs)),
    logsRoot: report.report.logsRoot,
    alsoServe: audited.filter(({ served }) => served.kind === "served").map((one) => one.nodeId),
  };
}

function wayUp({ index, count, siblings }: { index: number; count: number; siblings: Hex[] }, root: Hex | undefined) {
  return { index, count, siblings: siblings.length, root };
}

/** What `pennyblack receipts prove` finds of a receipt in a file. */
export async function proveByCommand(directory: string, file: string, receipt: KeptReceipt): Promise<string> {
  const { originatorId, sequenceId } = receipt;
  const one = ["--node", String(originatorId), "--sequence-id", String(sequenceId)];
  const evidence = ["--directory", join(directory, "evidence")];
  const config = ["--config", join(directory, "gateway", "config.json")];
  const printed = await pennyblack("receipts", "prove", ...config, "--file", file, ...one, ...evidence, "--json");
  const { receipts } = JSON.parse(printed) as { receipts: { finding: string }[] };
  return receipts[0]?.finding ?? "nothing";
}

/** Runs the command as a process of its own; rejects when it does not exit with 0. */
async function pennyblack(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", PENNYBLACK, ...words]);
  return stdout;
}
