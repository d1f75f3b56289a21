/** The contracts: typed handles, what they say in events and errors. Needs RPC_URL, DEPLOYMENT and PAYER_KEY. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { Wallet } from "ethers";
import {
  TransactionError,
  abis,
  connectContracts,
  connectRpc,
  decodeRevert,
  deploymentRecordSchema,
  faultEvidence,
  readRates,
  readSettledRows,
} from "pennyblack/contracts";
import { addressOf, ratesAt, signOriginatorEnvelope, signPayerEnvelope, signVoucher, toHex } from "pennyblack/protocol";

const record = deploymentRecordSchema.parse(JSON.parse(readFileSync(process.env.DEPLOYMENT!, "utf8")));
const provider = connectRpc({ url: process.env.RPC_URL!, chainId: record.chainId, pollingMs: 100 });
const anybody = new Wallet(process.env.PAYER_KEY!, provider);
const contracts = connectContracts(record, anybody);
assert.ok(abis.postageChannels.length > 0);

const { timestamp } = (await provider.getBlock("latest"))!;
const rates = ratesAt(await readRates(contracts.rateRegistry), BigInt(timestamp));
console.log(`a byte and day costs ${rates.storageFeePico} picodollars`);

// Anybody may settle anybody's voucher. A channel without a deposit has nothing to collect: no row comes back.
const postageKey = new Uint8Array(32).fill(5);
const domain = { chainId: BigInt(record.chainId), postageChannels: record.contracts.postageChannels.address };
const row = signVoucher(domain, { fees: 1_000n, stamps: 0n }, postageKey);
const receipt = await (await contracts.postageChannels.settle(row)).wait();
const settled = receipt!.logs.flatMap((log) => {
  const event = contracts.postageChannels.interface.parseLog(log);
  return event?.name === "Settled" ? readSettledRows(event.args.rows as string) : [];
});
assert.deepEqual(settled, []);

// A refusal has a name.
const refused = await contracts.postageChannels.withdraw
  .staticCall(addressOf(postageKey), anybody.address)
  .catch((error: unknown) => decodeRevert(error));
console.log(refused);
assert.equal((refused as { contract: string }).contract, "postageChannels");

// Two envelopes under one sequence id: what a reporter commits to, and reveals a minute later.
const signingKey = new Uint8Array(32).fill(9);
const envelopes = ([1, 2] as const).map((n) => {
  const payerEnvelope = signPayerEnvelope(
    { unsignedClientEnvelope: Uint8Array.of(n), targetOriginator: 100, retentionDays: 60 },
    postageKey,
  );
  const place = { originatorId: 100, sequenceId: 1n, originatorNs: 1n };
  const fees = { baseFeePico: 0n, congestionFeePico: 0n, expiryAt: 0n };
  return signOriginatorEnvelope({ ...place, ...fees, payerEnvelope }, signingKey);
});
const evidence = faultEvidence([envelopes[0]!, envelopes[1]!], {
  reporter: addressOf(postageKey),
  salt: toHex(new Uint8Array(32).fill(1)),
});
assert.equal(evidence?.fault, "equivocation");

// What keeps a transaction from being sent.
assert.equal(new TransactionError("no_gas_money", "send it some", { retryable: true }).code, "no_gas_money");
provider.destroy();
