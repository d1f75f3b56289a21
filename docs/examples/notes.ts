/** Waivers: a recipient lets a payer write without a stamp. Needs RPC_URL and DEPLOYMENT. */
import assert from "node:assert/strict";

import { JsonRpcProvider, Wallet } from "ethers";
import {
  InboxStamps,
  StampsError,
  attachWaivers,
  installationSigner,
  isStampsError,
  loadDeployment,
  openInboxStamps,
  readWaiver,
  walletSigner,
} from "pennyblack";
import { addressOf } from "pennyblack/protocol";

const deployment = loadDeployment(process.env.DEPLOYMENT!);
const provider = new JsonRpcProvider(process.env.RPC_URL, deployment.chainId);
const wallet = Wallet.createRandom();
const inbox = "ab".repeat(32); // `client.inboxId`

// Signed by a wallet of the inbox. An installation signs as well: its key, and what the client signs with it.
const signer = walletSigner(wallet.address, (text) => wallet.signMessage(text));
assert.ok(installationSigner(new Uint8Array(32).fill(1), () => new Uint8Array(64)).member);
const stamps = openInboxStamps(deployment, provider, { inbox, signer });
assert.ok(stamps instanceof InboxStamps);

const friend = addressOf(new Uint8Array(32).fill(7)); // the channel that pays for the friend
const { text } = await stamps.waiver.create({ payer: friend, mostUses: 10 });

// What the friend's gateway does with it.
const domain = { chainId: BigInt(deployment.chainId), postageChannels: deployment.contracts.postageChannels.address };
const { note } = readWaiver(text, { domain, payer: friend });
console.log(note);
const headers = attachWaivers({}, [text], { domain, payer: friend });
assert.deepEqual(Object.keys(headers), ["x-postage-waiver"]);
assert.deepEqual(stamps.waiver.attach({}, [text], friend), headers);

// For another payer it is worth nothing, and says so.
assert.throws(
  () => readWaiver(text, { domain, payer: addressOf(new Uint8Array(32).fill(8)) }),
  (error: unknown) => error instanceof StampsError && isStampsError(error, "bad_input"),
);
provider.destroy();
