/**
 * The main job on this machine: three nodes, a gateway, two real XMTP clients, every cent of their postage settled and
 * claimed, and a report that all nodes signed. Exits 0 only when everything adds up to the last base unit, a receipt is
 * proved against the report, and the liar of --with-fault was caught.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { postageDomain } from "../src/contracts/domains.ts";
import { untilStopped } from "../src/cli/untilStopped.ts";
import type { AgreementStory, Pending } from "./demo/agreement.ts";
import { agree, disagreements, holdToIt } from "./demo/agreement.ts";
import { auditLog, readTerms } from "./demo/audit.ts";
import { collectStamps } from "./demo/collectStamps.ts";
import type { FaultStory } from "./demo/fault.ts";
import { catchLiar, missing } from "./demo/fault.ts";
import { fund } from "./demo/fund.ts";
import { discrepancies, settleUp } from "./demo/money.ts";
import { printResult, resultOf, toJson } from "./demo/print.ts";
import { printAgreement } from "./demo/printReport.ts";
import { printRefused, printStamps } from "./demo/printStamps.ts";
import { runClients } from "./demo/runClients.ts";
import type { RefusedStory } from "./demo/refused.ts";
import { cameThrough, refuse } from "./demo/refused.ts";
import type { PaidStory } from "./demo/stampMoney.ts";
import { wrongWithStamps } from "./demo/stampMoney.ts";
import type { Met } from "./demo/strangers.ts";
import { meet } from "./demo/strangers.ts";
import type { LocalNetwork } from "./local/localNetwork.ts";
import { startLocalNetwork } from "./local/localNetwork.ts";

const USAGE = `npm run demo -- [--messages N] [--with-stamps] [--with-fault] [--json FILE] [--keep]
       npm run demo -- --fund ACCOUNT [--fund ACCOUNT ...]
  --messages N    messages that the two clients exchange, 1 to 20,000 (default 200)
  --with-stamps   nodes ask strangers for stamps: four more people, whom three more apps pay for
  --with-fault    afterwards a fourth node signs two stories, is caught by another node's daemon and slashed
  --json FILE     also write the result as JSON; amounts are decimal strings of base units
  --keep          leave everything running afterwards and print where to reach it
  --fund ACCOUNT  nothing of this: give an address, or the account of a key file, test money on the local chain that another one
                  keeps (PENNYBLACK_DEPLOYMENT, PENNYBLACK_RPC_URL)`;

const DEPOSIT = 5_000_000n;
/** The cheapest message costs more than this; it bounds how much headroom the second half of them uses up. */
const CHEAPEST_MESSAGE = 2n;
const MOST_HEADROOM = 100n;
/** With the gas of an L1 a single stamp would not be worth its charge, and daemons would wait for more of them. */
const CHEAP_GAS = 1_000_000n;

interface Options {
  messages: number;
  withStamps: boolean;
  withFault: boolean;
  json?: string;
  keep: boolean;
  fund: string[];
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        messages: { type: "string" },
        "with-stamps": { type: "boolean" },
        "with-fault": { type: "boolean" },
        json: { type: "string" },
        keep: { type: "boolean" },
        fund: { type: "string", multiple: true },
        help: { type: "boolean" },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const others = Object.keys(values).filter((name) => name !== "fund");
    if (values.fund && others.length > 0) {
      throw new Error(`--fund goes alone: leave ${others.map((name) => `--${name}`).join(", ")} out`);
    }
    const messages = Number(values.messages ?? "200");
    if (!Number.isInteger(messages) || messages < 1 || messages > 20_000)
      throw new Error("--messages takes 1 to 20000");
    const {
      "with-stamps": withStamps = false,
      "with-fault": withFault = false,
      json,
      keep = false,
      fund = [],
    } = values;
    return { messages, withStamps, withFault, json, keep, fund };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const started = Date.now();
function progress(text: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
}

async function converse(network: LocalNetwork, { messages, withStamps }: Options, directory: string): Promise<void> {
  let last = 0;
  const { sent, read } = await runClients({
    gatewayUrl: network.gateway.url,
    messages,
    ...(withStamps ? { waiveFor: { payer: network.channel, domain: postageDomain(network.record) } } : {}),
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
  const { contracts, nodes } = network;
  const terms = await readTerms(contracts);
  const money = await settleUp(network, progress);
  const audits = await Promise.all(nodes.map(({ url }) => auditLog(url, terms)));
  const { kinds, usagePico: audited } = audits[0]!;
  printResult(kinds, money);
  const problems = discrepancies(money, audited);
  const count = money.channels.length;
  for (const [i, { usagePico }] of audits.entries()) {
    const { nodeId } = nodes[i]!;
    if (usagePico.size !== count) problems.push(`node ${nodeId} charges ${usagePico.size} channels, not ${count}`);
    if (money.channels.some(({ channel }) => usagePico.get(channel) !== audited.get(channel)))
      problems.push(`the log of node ${nodeId} comes to another sum`);
  }
  for (const problem of problems) console.error(`  DOES NOT ADD UP  ${problem}`);
  if (problems.length === 0) console.log("\n  Everything adds up to the last unit.");
  const sum = [...audited.values()].reduce((total, pico) => total + pico, 0n);
  const result = resultOf(kinds, money, sum);
  return { ok: problems.length === 0, result, usagePico: money.channels[0]!.usagePico };
}

/** Comes before the accounts: what is charged for stamps must be so within three days, which pass while fees stream. */
async function collect(network: LocalNetwork, people: Met): Promise<{ ok: boolean; story: PaidStory }> {
  const story = await collectStamps(network, people, progress);
  printStamps(story);
  const problems = wrongWithStamps(story);
  for (const problem of problems) console.error(`  NOT AS IT HAS TO BE  ${problem}`);
  if (problems.length === 0)
    console.log("\n  Whoever was reported has paid, who was welcome has not, to the last unit.");
  return { ok: problems.length === 0, story };
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

/** Comes after the accounts: a gateway signs for what it sends, also where nobody takes it. */
async function block(network: LocalNetwork, people: Met): Promise<{ ok: boolean; story: RefusedStory }> {
  console.log("\nA stranger who was blocked");
  const story = await refuse(network, people, progress);
  people.people.leave();
  printRefused(story);
  const nodeIds = network.nodes.map(({ nodeId }) => nodeId);
  const problems = cameThrough(story, nodeIds);
  for (const problem of problems) console.error(`  NOT AS IT HAS TO BE  ${problem}`);
  if (problems.length === 0) console.log("\n  Nothing of it came through, and none of it was charged.");
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

async function main(options: Options): Promise<number> {
  const { messages, withStamps, withFault, json, keep } = options;
  if (options.fund.length > 0) {
    await fund(options.fund, process.env);
    return 0;
  }
  const directory = mkdtempSync(join(tmpdir(), "pennyblack-demo-"));
  const second = BigInt(Math.floor(messages / 2)) * CHEAPEST_MESSAGE;
  const headroom = second < MOST_HEADROOM ? second : MOST_HEADROOM;
  const stampTerms = { requireStamps: true, nativeTokenPrice: CHEAP_GAS };
  const terms = { nodes: 3, deposit: DEPOSIT, headroom, ...(withStamps ? stampTerms : {}) };
  const network = await startLocalNetwork({ ...terms, directory, progress });
  let people: Met | undefined;
  let isGood = false;
  try {
    await converse(network, options, directory);
    if (withStamps) people = await meet(network, directory, progress);
    const pending = await agree(network, directory, progress);
    const stamps = people && (await collect(network, people));
    const money = await account(network);
    const agreed = await report(network, directory, pending, money.usagePico);
    const blocked = people && (await block(network, people));
    const caught = withFault ? await fault(network) : undefined;
    const parts = {
      ...(stamps ? { stamps: { ...stamps.story, refused: blocked!.story } } : {}),
      ...(caught ? { fault: caught.story } : {}),
    };
    const result = { ...money.result, report: agreed.story, ...parts };
    if (json) writeFileSync(json, toJson(result));
    isGood = money.ok && agreed.ok && stamps?.ok !== false && blocked?.ok !== false && caught?.ok !== false;
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
  console.log(
    `\nIn another terminal, for commands, and for test money on this chain (--fund with an address or a key file):`,
  );
  console.log(`  export PENNYBLACK_DEPLOYMENT=${join(directory, "deployment.json")} PENNYBLACK_RPC_URL=${chain.url}`);
  console.log("  npm run demo -- --fund payer.key --fund gas.key");
  await untilStopped();
}

process.exit(
  await main(readOptions()).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }),
);
