import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Signer } from "ethers";

import { provedLeaves } from "../../src/contracts/stampRows.ts";
import type { Contracts } from "../../src/contracts/connectContracts.ts";
import type { Address, Hex } from "../../src/protocol/bytes.ts";
import { fromHex, toAddress, toHex } from "../../src/protocol/bytes.ts";
import { attest } from "../../src/protocol/report/bls.ts";
import { debitsHash } from "../../src/protocol/report/debits.ts";
import { chargesTree, payoutsTree } from "../../src/protocol/report/leaves.ts";
import { NO_PARENT, reportDigest } from "../../src/protocol/report/report.ts";
import { TreeTag, emptyRoot, proveLeaf } from "../../src/protocol/report/tree.ts";
import { signVoucher } from "../../src/protocol/voucher.ts";
import type { LocalChain } from "../../scripts/local/localChain.ts";
import { DAY, EPOCH, USD, postageKey } from "../contracts/fixtures.ts";

interface StampsStory {
  chain: LocalChain;
  contracts: Contracts;
  deployer: Signer;
  /** Of the only seat. */
  attestationKeyFile: string;
  directory: string;
  recipient: Address;
}

/**
 * A final report that charges a channel 0.1 USD for stamps and pays the recipient 0.05 USD: its payout is in
 * payouts.json. Resolves with its digest.
 */
export async function chargeStamps(story: StampsStory): Promise<Hex> {
  const { chain, contracts, deployer, directory, recipient } = story;
  const { postageChannels, epochReports, nodeSeats, stamps } = contracts;
  await (await nodeSeats.rollOver()).wait();
  await chain.increaseTime(EPOCH);

  const key = postageKey(9);
  const chainId = (await chain.provider.getNetwork()).chainId;
  const channels = toAddress(await postageChannels.getAddress());
  const domain = { chainId, postageChannels: channels };
  await (await postageChannels.connect(deployer).deposit(key.address, USD)).wait();
  const row = signVoucher(domain, { fees: 0n, stamps: USD / 10n }, fromHex(key.privateKey));
  await (await postageChannels.connect(deployer).settle(toHex(row))).wait();

  const charges = [{ channel: toAddress(key.address), cumulativeAmount: USD / 10n }];
  const payouts = [{ account: recipient, amount: USD / 20n }];
  const now = (await chain.provider.getBlock("latest"))!.timestamp;
  const epoch = BigInt(Math.floor(now / EPOCH) - 1);
  const report = {
    ...{ shard: 0, epoch, round: 0, parent: NO_PARENT, registryVersion: await nodeSeats.versionAt(epoch) },
    ...{ logsRoot: emptyRoot(TreeTag.logs), usageRoot: emptyRoot(TreeTag.usage) },
    ...{ stampChargesRoot: chargesTree(charges).root, stampPayoutsRoot: payoutsTree(payouts).root },
    ...{ debitsHash: debitsHash([]), absentSeats: 0n },
  };
  const digest = reportDigest({ chainId, epochReports: toAddress(await epochReports.getAddress()) }, report);
  const signature = attest(digest, fromHex(readFileSync(story.attestationKeyFile, "utf8").trim()));
  await (await epochReports.connect(deployer).submit(report, 1n, signature)).wait();
  await chain.increaseTime(DAY);
  await (await stamps.connect(deployer).charge(report, provedLeaves(chargesTree(charges), charges))).wait();

  const { proof, leaf } = { leaf: payouts[0]!, proof: proveLeaf(payoutsTree(payouts), 0) };
  const json = JSON.stringify({ leaf, proof }, (_, value: unknown) =>
    typeof value === "bigint" ? value.toString() : value,
  );
  writeFileSync(join(directory, "payouts.json"), json);
  return toHex(digest);
}
