/**
 * A gateway in an app's own process, a stock XMTP client that sends through it, and the receipts that stay. Needs RPC_URL,
 * DEPLOYMENT, PAYER_KEY, and GAS_KEY: the account that pays gas for commits and registrations.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { JsonRpcProvider, Wallet } from "ethers";
import {
  ChannelAccount,
  DEFAULT_LIMITS,
  GatewayError,
  NO_SPEND,
  ReportLibrary,
  SPEND_COLUMNS,
  SigningKeys,
  addSpend,
  auditReceipt,
  bearerTokens,
  connectGrpcNode,
  ethersReportsChain,
  httpReportServers,
  isGatewayError,
  loadDeployment,
  openGateway,
  openSqliteStore,
  openSqliteStoreInThread,
  spendLine,
  spendRows,
  systemClock,
} from "pennyblack";
import { connectContracts } from "pennyblack/contracts";
import { addressOf, fromHex, readOriginatorEnvelope } from "pennyblack/protocol";

import { registerXmtpClient } from "../../scripts/local/xmtpClient.ts";

const deployment = loadDeployment(process.env.DEPLOYMENT!);
const rpcUrl = process.env.RPC_URL!;
// ethers remembers an account's nonce for a quarter of a second, in which a local chain has mined the last transaction.
const provider = new JsonRpcProvider(rpcUrl, deployment.chainId, { cacheTimeout: -1 });
const payer = new Wallet(process.env.PAYER_KEY!, provider);
const postageKey = new Uint8Array(randomBytes(32));
const account = new ChannelAccount(deployment, provider, addressOf(postageKey));
await account.fund(payer, { amount: 1_000_000n });

const dataDirectory = mkdtempSync(join(tmpdir(), "pennyblack-gateway-"));
const gateway = await openGateway({
  ...{ deployment, rpcUrl, postageKey, dataDirectory, chainPollMs: 100 },
  transactionKey: fromHex(process.env.GAS_KEY!),
  // Who may publish, and as whom: here two users by their tokens; any function of a call's headers will do.
  authenticate: bearerTokens([
    { user: "alice", token: "a-secret-of-the-app-1" },
    { user: "bob", token: "a-secret-of-the-app-2" },
  ]),
  holdSeconds: DEFAULT_LIMITS.holdSeconds, // how long a publish waits for money or nodes
});
gateway.setHeadroom(20_000n); // signs two cents ahead

// Stock clients: `gatewayHost` is all that they are told.
const alice = await registerXmtpClient(gateway.url, Wallet.createRandom(), "a-secret-of-the-app-1");
const bob = await registerXmtpClient(gateway.url, Wallet.createRandom(), "a-secret-of-the-app-2");
const dm = await alice.client.conversations().createDmByInboxId(bob.client.inboxId);
await dm.sendText("paid for");

// What was signed so far covers what was used, and the rest of the deposit is untouched.
const { usage, authorised, deposited } = gateway.status();
assert.ok(usage > 0n && usage <= authorised && authorised <= deposited!);
const voucher = await gateway.finalVoucher();
assert.ok(voucher, "whoever has this row can settle what this gateway owes");
await gateway.close();
const { usagePico } = gateway.status();

// Each message has a receipt: what the node signed for it. Here is one, checked by hand.
const path = join(dataDirectory, "gateway.sqlite");
const store = openSqliteStore(path); // or, where the event loop must not wait for the disk, openSqliteStoreInThread
const [receipt] = await store.receipts(account.channel, undefined, 1);
// Who spent what, to the picodollar: `pennyblack spend` writes the same as CSV.
let sum = NO_SPEND;
console.log(SPEND_COLUMNS.join(","));
for await (const spend of spendRows(store, account.channel)) {
  console.log(Object.values(spendLine(spend)).join(","));
  sum = addSpend(sum, spend);
}
assert.equal(sum.postagePico, usagePico);
await store.close();
const inThread = await openSqliteStoreInThread(path, {
  debug() {},
  info() {},
  warn: console.warn,
  error: console.error,
});
assert.ok(receipt && (await inThread.receiptCount(account.channel)) > 0);
await inThread.close();
const signal = AbortSignal.timeout(30_000);
const limits = { clock: systemClock, random: Math.random, chainTimeoutMs: 10_000, nodeTimeoutMs: 10_000 };
const chain = ethersReportsChain({
  ...{ contracts: connectContracts(deployment, provider), provider },
  domain: {
    chainId: BigInt(deployment.chainId),
    epochReports: deployment.contracts.epochReports.address,
  },
});
const nodes = await chain.nodes(signal);
const node = nodes.find(({ id }) => id === receipt.originatorId)!;
const keys = new SigningKeys({ ...limits, chain, clockSkewMs: 600_000 });
assert.ok(await keys.signerOf(readOriginatorEnvelope(receipt.envelope), node, signal), "signed by that node's key");
// Do others serve it too?
const answers = await auditReceipt(
  receipt,
  nodes,
  { ...limits, connectNode: connectGrpcNode, keys, mostNodes: 5 },
  signal,
);
for (const { nodeId, served } of answers) console.log(`node ${nodeId}: ${served.kind}`);
// Once a report is final that covers it, its place in it is proved; until then there is none.
const library = new ReportLibrary({ ...limits, chain, servers: httpReportServers, mostServers: 5 });
await library.refresh(signal);
assert.equal(await library.covering(receipt, signal), undefined);

// Errors of a gateway have a code, too.
const error: unknown = new GatewayError("no_node", "no node can be reached", { retryable: true });
assert.ok(isGatewayError(error) && error.retryable);
provider.destroy();
process.exit(0); // wasm clients keep streams open
