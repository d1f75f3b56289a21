/**
 * The main job on this machine: three nodes, a gateway, two real XMTP clients, every cent of their postage settled and
 * claimed, and a report that all nodes signed. Exits 0 only when everything adds up to the last base unit, a receipt is
 * proved against the report, and the liar of --with-fault was caught.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import type { Address } from "../src/protocol/bytes.ts";
import { toAddress } from "../src/protocol/bytes.ts";
import { untilStopped } from "../src/cli/untilStopped.ts";
import type { AgreementStory, Pending } from "./demo/agreement.ts";
import { agree, disagreements, holdToIt } from "./demo/agreement.ts";
import { auditLog, readTerms } from "./demo/audit.ts";
import type { FaultStory } from "./demo/fault.ts";
import { catchLiar, missing } from "./demo/fault.ts";
import { discrepancies, settleUp } from "./demo/money.ts";
import { printResult, resultOf, toJson } from "./demo/print.ts";
import { printAgreement } from "./demo/printReport.ts";
import { runClients } from "./demo/runClients.ts";
import type { LocalNetwork } from "./local/localNetwork.ts";
import { startLocalNetwork } from "./local/localNetwork.ts";

const USAGE = `npm run demo -- [--messages N] [--with-fault] [--json FILE] [--keep]
  --messages N   messages that the two clients exchange, 1 to 20,000 (default 200)
  --with-fault   afterwards a fourth node signs two stories, is caught by another node's daemon and slashed
  --json FILE    also write the result as JSON; amounts are decimal strings of base units
  --keep         leave everything running afterwards and print where to reach it`;

const DEPOSIT = 5_000_000n;
/** The cheapest message costs more than this; it bounds how much headroom the second half of them uses up. */
const CHEAPEST_MESSAGE = 2n;
const MOST_HEADROOM = 100n;

interface Options {
  messages: number;
  withFault: boolean;
  json?: string;
  keep: boolean;
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        messages: { type: "string" },
        "with-fault": { type: "boolean" },
        json: { type: "string" },
        keep: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const messages = Number(values.messages ?? "200");
    if (!Number.isInteger(messages) || messages < 1 || messages > 20_000)
      throw new Error("--messages takes 1 to 20000");
    return { messages, withFault: values["with-fault"] ?? false, json: values.json, keep: values.keep ?? false };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const started = Date.now();
function progress(text: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
}

async function converse(network: LocalNetwork, messages: number, directory: string): Promise<void> {
  let last = 0;
  const { sent, read } = await runClients({
    gatewayUrl: network.gateway.url,
    messages,
    logFile: join(directory, "clients.log"),
    progress: (text) => {
      const isCount = /^\d+ of /.test(text);
      if (isCount && Date.now() - last < 1_000) return;
      if (isCount) last = Date.now();
      progress(text);
    },
    atHalf: async () => {
      // From now on a voucher covers exactly what is used, so that the last one leaves nothing prepaid.
      const body = JSON.stringify({ units: "0" });
      const { ok } = await fetch(`${network.gateway.url}/headroom`, { method: "POST", body });
      if (!ok) throw new Error("the gateway did not close its headroom");
    },
  });
  progress(`${sent} messages sent, ${read} read and decrypted (each by both sides)`);
}

/** Adds everything up; `ok` when nothing is missing. */
async function account(network: LocalNetwork): Promise<{ ok: boolean; result: object; usagePico: bigint }> {
  const { contracts, nodes, channel } = network;
  const terms = await readTerms(contracts);
  const money = await settleUp(network, progress);
  const audits = await Promise.all(nodes.map(({ url }) => auditLog(url, terms)));
  const payer: Address = toAddress(channel);
  const audited = audits[0]!.usagePico.get(payer) ?? 0n;
  const { kinds } = audits[0]!;
  printResult(kinds, channel, money);
  const problems = discrepancies(money, audited, money.usagePico);
  for (const [i, { usagePico }] of audits.entries()) {
    if (usagePico.size !== 1) problems.push(`node ${nodes[i]!.nodeId} charges ${usagePico.size} channels, not 1`);
    if (usagePico.get(payer) !== audited) problems.push(`the log of node ${nodes[i]!.nodeId} comes to another sum`);
  }
  for (const problem of problems) console.error(`  DOES NOT ADD UP  ${problem}`);
  if (problems.length === 0) console.log("\n  Everything adds up to the last unit.");
  return { ok: problems.length === 0, result: resultOf(kinds, channel, money, audited), usagePico: audited };
}

/** Comes after the accounts: while the fees streamed, the time passed in which the report could be vetoed. */
async function report(
  network: LocalNetwork,
  directory: string,
  pending: Pending,
  usagePico: bigint,
): Promise<{ ok: boolean; story: AgreementStory }> {
  const story = await holdToIt(network, directory, pending);
  printAgreement(story);
  const nodeIds = network.nodes.map(({ nodeId }) => nodeId);
  const problems = disagreements(story, nodeIds, usagePico);
  for (const problem of problems) console.error(`  NOT AS IT HAS TO BE  ${problem}`);
  if (problems.length === 0) console.log("\n  Every node signed it, and the receipt is in it.");
  return { ok: problems.length === 0, story };
}

/** Comes after the accounts: the fourth node has no part in the money that was counted. */
async function fault(network: LocalNetwork): Promise<{ ok: boolean; story: FaultStory }> {
  console.log("\nA node that signs two stories");
  const story = await catchLiar(network, progress);
  const problems = missing(story);
  for (const problem of problems) console.error(`  NOT AS IT HAS TO BE  ${problem}`);
  if (problems.length === 0) console.log("\n  The liar was caught, slashed and unseated; who caught it was paid.");
  return { ok: problems.length === 0, story };
}

async function main({ messages, withFault, json, keep }: Options): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-demo-"));
  const second = BigInt(Math.floor(messages / 2)) * CHEAPEST_MESSAGE;
  const headroom = second < MOST_HEADROOM ? second : MOST_HEADROOM;
  const network = await startLocalNetwork({ directory, nodes: 3, deposit: DEPOSIT, headroom, progress });
  let isGood = false;
  try {
    await converse(network, messages, directory);
    const pending = await agree(network, directory, progress);
    const money = await account(network);
    const agreed = await report(network, directory, pending, money.usagePico);
    const caught = withFault ? await fault(network) : undefined;
    const result = { ...money.result, report: agreed.story, ...(caught ? { fault: caught.story } : {}) };
    if (json) writeFileSync(json, toJson(result));
    isGood = money.ok && agreed.ok && caught?.ok !== false;
    if (keep) await stayUp(network, directory);
  } finally {
    await network.close();
    if (isGood) rmSync(directory, { recursive: true, force: true });
    else console.error(`  logs: ${directory}`);
  }
  progress("done");
  return isGood ? 0 : 1;
}

async function stayUp({ gateway, nodes, chain }: LocalNetwork, directory: string): Promise<void> {
  console.log(`\nStill running. Point an XMTP client's gatewayHost (env "local") at the gateway; Ctrl-C ends it all.`);
  console.log(`  gateway   ${gateway.url}   (${gateway.url}/status)`);
  for (const { nodeId, url, operatorUrl } of nodes)
    console.log(`  node ${nodeId}  ${url}   (operator: ${operatorUrl}/status)`);
  console.log(`  chain     ${chain.url}   id 31337\n  files     ${directory}`);
  await untilStopped();
}

process.exit(
  await main(readOptions()).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }),
);
