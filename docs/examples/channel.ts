/** A channel: fund it, own it, take the rest back. Needs RPC_URL, DEPLOYMENT (a file of deployments/) and PAYER_KEY. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { JsonRpcProvider, Wallet } from "ethers";
import { ChannelAccount, ChannelError, isChannelError, loadDeployment } from "pennyblack";
import { addressOf, toHex } from "pennyblack/protocol";

const deployment = loadDeployment(process.env.DEPLOYMENT!);
// ethers remembers an account's nonce for a quarter of a second, in which a local chain has mined the last transaction.
const provider = new JsonRpcProvider(process.env.RPC_URL, deployment.chainId, { cacheTimeout: -1 });
const payer = new Wallet(process.env.PAYER_KEY!, provider);

// A hot key that can spend its channel on postage, and nothing else once the channel has an owner.
const postageKey = new Uint8Array(randomBytes(32));
const channel = new ChannelAccount(deployment, provider, addressOf(postageKey));

// One transaction: the payer signs a permit, no approval goes before. Run twice under one key it deposits once.
const idempotencyKey = toHex(randomBytes(32));
const { balance } = await channel.fund(payer, { amount: 2_000_000n, idempotencyKey });
assert.equal(balance.deposited, 2_000_000n);
assert.equal((await channel.fund(payer, { amount: 2_000_000n, idempotencyKey })).balance.deposited, 2_000_000n);

await channel.assignOwner(postageKey, payer.address, payer);
assert.equal((await channel.balance()).owner, payer.address.toLowerCase());

// Out again: asked for, called off, asked for. It is paid after the delay, in which nodes settle what they were signed.
await channel.requestWithdrawal(payer, 500_000n);
await channel.cancelWithdrawal(payer);
const asked = await channel.requestWithdrawal(payer, "all");
assert.equal(asked.pendingWithdrawal, 2_000_000n);
console.log(`payable from ${new Date(Number(asked.withdrawableAt) * 1_000).toISOString()} on`);

// Too early is an error with a code, and says when.
const early = await channel.withdraw(payer).catch((error: unknown) => error);
assert.ok(early instanceof ChannelError && isChannelError(early, "refused"), String(early));
console.log(early.message, early.revert);
provider.destroy();
