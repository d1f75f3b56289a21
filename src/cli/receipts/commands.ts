import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import type { Command } from "commander";

import type { KeptReceipt, ReceiptKey, ReceiptStore, ReportsChain } from "../../index.ts";
import {
  ReceiptProver,
  ReportLibrary,
  SigningKeys,
  auditReceipt,
  connectGrpcNode,
  ethersReportsChain,
  httpReportServers,
} from "../../index.ts";
import { CommandError } from "../../commands/core/errors.ts";
import type { Report } from "../../commands/core/plan.ts";
import { runCommand } from "../../commands/core/run.ts";
import { reportsDomain } from "../../contracts/domains.ts";
import { connectContracts } from "../../contracts/connectContracts.ts";
import { connectRpc } from "../../contracts/connectRpc.ts";
import { loadDeployment } from "../../contracts/loadDeployment.ts";
import { systemClock as clock } from "../../platform/clock.ts";
import { silentLog as log } from "../../platform/log.ts";
import type { Output } from "../../platform/output.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import type { GatewayConfig } from "../config/gatewayConfig.ts";
import { openKey } from "../config/openKeys.ts";
import { readGatewayConfig } from "../config/gatewayConfig.ts";
import { openPayerStore } from "../openPayerStore.ts";
import type { Receipts, Selection } from "./receiptCommands.ts";
import { auditReceipts, exportLines, listReceipts, proveReceipts } from "./receiptCommands.ts";
import { readReceipts } from "./receiptFiles.ts";

interface Typed {
  config: string;
  file?: string;
  node?: string;
  sequenceId?: string;
  limit: string;
  directory: string;
  most: string;
  json?: boolean;
}

const CHAIN_TIMEOUT_MS = 15_000;
const NODE_TIMEOUT_MS = 10_000;
/** Whoever asks by hand wants an answer: every daemon is asked before there is none. */
const MOST_SERVERS = 256;
const CLOCK_SKEW_MS = 600_000;
const POLLING_MS = 500;
const SEVERAL = "1000";
const ALL = "1000000000";

/** Adds what a payer asks about receipts, on the machine of the gateway. `finish` hears the exit code. */
export function addReceiptCommands(program: Command, output: Output, finish: (exitCode: number) => void): void {
  const group = program.command("receipts").description("what nodes signed for, held against what they report");
  const command = (name: string, description: string, limit: string) =>
    group
      .command(name)
      .description(description)
      .requiredOption("--config <file>", "the gateway's settings, docs/payers.md")
      .option("--file <file>", "receipts that `receipts export` wrote, instead of the gateway's own")
      .option("--node <id>", "only those of this node")
      .option("--sequence-id <id>", "with --node: only this one")
      .option("--limit <count>", "at most so many", limit);
  const evidence = (name: string, description: string, limit: string) =>
    command(name, description, limit)
      .option("--directory <path>", "where evidence goes that convicts a node", "evidence")
      .option("--json", "print JSON");
  const run = (name: string, typed: Typed, work: (opened: Opened) => Promise<Report>) =>
    runCommand(`receipts ${name}`, async () => ({ result: await withReceipts(typed, work) }), modeOf(typed), output);

  command("list", "the receipts that are kept until a report covers them", "100")
    .option("--json", "print JSON")
    .action(async (typed: Typed) =>
      finish(await run("list", typed, ({ receipts, selection }) => listReceipts(receipts, selection))),
    );
  evidence(
    "prove",
    "hold receipts against final reports: those in the logs are let go, others are evidence",
    SEVERAL,
  ).action(async (typed: Typed) => finish(await run("prove", typed, (opened) => prove(opened, typed.directory))));
  evidence("audit", "ask other nodes whether they serve what receipts say", "10")
    .option("--most <count>", "nodes that are asked for each, by chance", "5")
    .action(async (typed: Typed) => finish(await run("audit", typed, (opened) => audit(opened, typed))));
  command("export", "write receipts to a new file, a line of JSON each", ALL)
    .requiredOption("--to <file>", "the new file")
    .option("--json", "print JSON")
    .action(async (typed: Typed & { to: string }) =>
      finish(await run("export", typed, (opened) => exportTo(opened, typed.to))),
    );
}

interface Opened {
  config: GatewayConfig;
  receipts: Receipts & { store: Pick<ReceiptStore, "receipt" | "receipts" | "removeReceipts" | "contradictReceipt"> };
  selection: Selection;
}

async function withReceipts(typed: Typed, work: (opened: Opened) => Promise<Report>): Promise<Report> {
  const config = readGatewayConfig(typed.config);
  const channel = addressOf(await openKey(config.postageKey));
  const selection = selectionOf(typed);
  if (typed.file !== undefined) {
    return work({ config, receipts: { channel, store: inMemory(readReceipts(typed.file)) }, selection });
  }
  const store = await openPayerStore(config);
  try {
    return await work({ config, receipts: { channel, store }, selection });
  } finally {
    await store.close();
  }
}

/** What is read from a file stays as it is. */
function inMemory(receipts: KeptReceipt[]): Opened["receipts"]["store"] {
  const key = ({ originatorId, sequenceId }: ReceiptKey) => (BigInt(originatorId) << 64n) + sequenceId;
  const sorted = receipts.map((one) => ({ key: key(one), one })).sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    receipt: async (_, wanted) => sorted.find((known) => known.key === key(wanted))?.one,
    receipts: async (_, after, limit) => {
      const from = after ? sorted.findIndex((known) => known.key > key(after)) : 0;
      return from < 0 ? [] : sorted.slice(from, from + limit).map(({ one }) => one);
    },
    removeReceipts: async () => {},
    contradictReceipt: async () => {},
  };
}

async function prove({ config, receipts, selection }: Opened, directory: string): Promise<Report> {
  const { chain, signal } = connect(config);
  const limits = { chainTimeoutMs: CHAIN_TIMEOUT_MS, nodeTimeoutMs: NODE_TIMEOUT_MS, mostServers: MOST_SERVERS };
  const library = new ReportLibrary({ chain, servers: httpReportServers, clock, random: Math.random, ...limits });
  await library.refresh(signal);
  const prover = new ReceiptProver({ ...receipts, chain, library, clock, log, ...limits });
  return proveReceipts(receipts, selection, { prover, directory, signal });
}

async function audit({ config, receipts, selection }: Opened, { directory, most }: Typed): Promise<Report> {
  const { chain, signal } = connect(config);
  const limits = { chainTimeoutMs: CHAIN_TIMEOUT_MS, nodeTimeoutMs: NODE_TIMEOUT_MS, clockSkewMs: CLOCK_SKEW_MS };
  const keys = new SigningKeys({ chain, clock, ...limits });
  const nodes = await chain.nodes(signal);
  const options = {
    connectNode: connectGrpcNode,
    keys,
    clock,
    random: Math.random,
    ...limits,
    mostNodes: count("most", most),
  };
  const ask = (receipt: KeptReceipt) => auditReceipt(receipt, nodes, options, signal);
  return auditReceipts(receipts, selection, { audit: ask, directory });
}

async function exportTo({ receipts, selection }: Opened, to: string): Promise<Report> {
  let lines = 0;
  async function* counted() {
    for await (const line of exportLines(receipts, selection)) {
      lines++;
      yield line;
    }
  }
  try {
    await pipeline(Readable.from(counted()), createWriteStream(to, { flags: "wx", mode: 0o600 }));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new CommandError("file_exists", `${to} is there already: name another file`, { cause });
    if (code === undefined) throw cause;
    throw new CommandError("bad_file", `cannot write receipts: ${message}`, { cause });
  }
  const title = `${lines} receipts are in ${to}`;
  return { kind: "report", title, sections: [], notes: [], data: { file: to, receipts: lines } };
}

function connect({ deployment, rpcUrl }: GatewayConfig): { chain: ReportsChain; signal: AbortSignal } {
  const record = loadDeployment(deployment);
  const provider = connectRpc({ url: rpcUrl, chainId: record.chainId, pollingMs: POLLING_MS });
  const domain = reportsDomain(record);
  const chain = ethersReportsChain({ contracts: connectContracts(record, provider), provider, domain });
  return { chain, signal: new AbortController().signal };
}

function selectionOf({ node, sequenceId, limit }: Typed): Selection {
  if (sequenceId !== undefined && node === undefined) {
    throw new CommandError("missing_argument", "--sequence-id counts per node: name it with --node");
  }
  if (sequenceId !== undefined && !/^\d{1,20}$/.test(sequenceId)) {
    throw new CommandError("bad_number", `--sequence-id "${sequenceId}": write a whole number`);
  }
  return {
    node: node === undefined ? undefined : count("node", node),
    sequenceId: sequenceId === undefined ? undefined : BigInt(sequenceId),
    limit: count("limit", limit),
  };
}

function count(name: string, text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new CommandError("bad_number", `--${name} "${text}": write a whole number from 1`);
}

const modeOf = ({ json }: Typed) => ({ json: json ?? false, dryRun: false, unsigned: false, timeoutSeconds: 0 });
