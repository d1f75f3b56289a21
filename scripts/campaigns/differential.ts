/**
 * `npm run campaign:differential -- [--cases N] [--seed N]`: random vouchers, honest and not, where TypeScript and
 * Solidity must agree. Each case is one row: its digest, whom its signature recovers to, and what it does to a channel.
 * The model below is the protocol's rule in plain numbers; it shares no line with the contracts.
 */
import { parseArgs } from "node:util";

import type { EventLog } from "ethers";
import { Interface, concat, getBytes, hexlify, keccak256 } from "ethers";

import type { Address } from "../../src/protocol/bytes.ts";
import { toAddress } from "../../src/protocol/bytes.ts";
import { readVoucher, signVoucher, voucherDigest } from "../../src/protocol/voucher.ts";
import type { World } from "../../test/contracts/fixtures.ts";
import { USD, deployedWorld, fund, postageKey } from "../../test/contracts/fixtures.ts";

const PAYERS = 40;
const BATCH = 250;
const MOST = 2n ** 64n - 1n;

const { values } = parseArgs({ options: { cases: { type: "string" }, seed: { type: "string" } } });
const cases = Number(values.cases ?? "100000");
const seed = values.seed ?? "1";
if (!Number.isInteger(cases) || cases < 1) throw new Error("--cases takes a whole number above 0");

/** Reproducible: a hash of the seed and a counter. */
let drawn = 0;
function random(below: bigint): bigint {
  return BigInt(keccak256(new TextEncoder().encode(`${seed}:${drawn++}`))) % below;
}

interface Channel {
  deposited: bigint;
  feesSpent: bigint;
  stampsSigned: bigint;
}

/** Amounts where something changes: around the deposit, around what was spent, at the ends of 64 bits. */
function amount(near: bigint, mayBeExtreme: boolean): bigint {
  const kind = mayBeExtreme ? random(12n) : 12n;
  if (kind === 0n) return random(2n ** 64n);
  if (kind === 1n) return MOST - random(3n);
  if (kind === 2n) return random(3n);
  const value = near + random(2_001n) - 1_000n;
  return value < 0n ? 0n : value > MOST ? MOST : value;
}

interface Case {
  row: Uint8Array;
  fees: bigint;
  stamps: bigint;
}

function draw(world: World, domain: { chainId: bigint; postageChannels: Address }, channels: Channel[]): Case {
  const n = Number(random(BigInt(PAYERS + 1)));
  const channel = channels[n];
  const near = !channel ? 0n : random(8n) === 0n ? channel.deposited : channel.feesSpent;
  // A column at the end of 64 bits stays there: only some payers sign that, so that the others keep moving.
  const fees = amount(near, n % 4 === 0);
  const stamps = amount(channel?.stampsSigned ?? 0n, n % 8 === 0);
  // The last payer never deposited.
  const row = signVoucher(domain, { fees, stamps }, getBytes(postageKey(n).privateKey));
  const damage = random(6n);
  if (damage === 0n) row[Number(random(80n))]! ^= 1 << Number(random(8n));
  if (damage === 1n && random(4n) === 0n) row.fill(0, 16, 48);
  const read = readAmounts(row);
  return { row, ...read };
}

const readAmounts = (row: Uint8Array) => ({
  fees: BigInt(hexlify(row.subarray(0, 8))),
  stamps: BigInt(hexlify(row.subarray(8, 16))),
});

function signerOf(domain: { chainId: bigint; postageChannels: Address }, row: Uint8Array): string | undefined {
  try {
    return readVoucher(domain, row).channel.toLowerCase();
  } catch {
    return undefined;
  }
}

interface Outcome {
  collected: bigint;
  rows: string;
}

/** What `settle` has to do, by the rule of protocol.md 2.1. */
function settleModel(batch: Case[], signers: (string | undefined)[], channels: Map<string, Channel>): Outcome {
  let collected = 0n;
  const changed: string[] = [];
  for (const [i, { fees, stamps }] of batch.entries()) {
    const address = signers[i];
    const channel = address === undefined ? undefined : channels.get(address);
    if (!channel || channel.deposited === 0n) continue;
    const capped = fees < channel.deposited ? fees : channel.deposited;
    const taken = capped > channel.feesSpent ? capped - channel.feesSpent : 0n;
    const raised = stamps > channel.stampsSigned;
    channel.feesSpent += taken;
    if (raised) channel.stampsSigned = stamps;
    collected += taken;
    if (taken > 0n || raised) changed.push(concat([address!, word(channel.feesSpent), word(channel.stampsSigned)]));
  }
  return { collected, rows: changed.length === 0 ? "0x" : concat(changed) };
}

const word = (value: bigint) => `0x${value.toString(16).padStart(16, "0")}`;

function requireEqual(what: string, contract: unknown, model: unknown): void {
  if (contract === model) return;
  throw new Error(`seed ${seed}: ${what}: the contract says ${String(contract)}, the model ${String(model)}`);
}

const world = await deployedWorld();
const postageChannels = toAddress(await world.postageChannels.getAddress());
const domain = { chainId: world.chainId, postageChannels };
const list: Channel[] = [];
const byAddress = new Map<string, Channel>();
for (let n = 0; n < PAYERS; n++) {
  const channel = { deposited: USD * BigInt(n + 1), feesSpent: 0n, stampsSigned: 0n };
  await fund(world, postageKey(n), channel.deposited);
  list.push(channel);
  byAddress.set(postageKey(n).address.toLowerCase(), channel);
}

const { bountyBps, bountyCap } = await world.postageChannels.parameters();
requireEqual("parameters are those the model knows", bountyBps > 0n && bountyCap > 0n, true);
const settled = new Interface(["event Settled(address indexed settler, uint64 collected, uint64 bounty, bytes rows)"]);
let digests = 0;
let unsigned = 0;
let changes = 0;
for (let done = 0; done < cases; done += BATCH) {
  const count = Math.min(BATCH, cases - done);
  const batch = Array.from({ length: count }, () => draw(world, domain, list));
  const signers = batch.map(({ row }) => signerOf(domain, row));
  unsigned += signers.filter((signer) => signer === undefined || !byAddress.has(signer)).length;
  const expected = settleModel(batch, signers, byAddress);
  const sent = await world.postageChannels.settle(concat(batch.map(({ row }) => row)), { gasLimit: 20_000_000 });
  const receipt = (await sent.wait())!;
  const log = receipt.logs.map((entry) => settled.parseLog(entry as EventLog)).find((entry) => entry !== null);
  requireEqual(`collected by rows ${done} on`, (log?.args.collected as bigint | undefined) ?? 0n, expected.collected);
  requireEqual(`event of rows ${done} on`, (log?.args.rows as string | undefined) ?? "0x", expected.rows);
  changes += (expected.rows.length - 2) / 72;

  // A row settles only if the contract hashed the same; one in ten is asked for as well, whoever signed it.
  const views = batch
    .filter((_, i) => i % 10 === 0)
    .map(async ({ fees, stamps }) => {
      requireEqual(
        `digest of ${fees}, ${stamps}`,
        await world.postageChannels.voucherDigest(fees, stamps),
        hexlify(voucherDigest(domain, { fees, stamps })),
      );
      digests++;
    });
  await Promise.all(views);
  // Money for what was used up, so that there is always something left to charge.
  for (let k = 0; k < 8; k++) {
    const n = Number(random(BigInt(PAYERS)));
    const more = USD + random(USD);
    await fund(world, postageKey(n), more);
    list[n]!.deposited += more;
  }
}
for (const [n, channel] of list.entries()) {
  const onChain = await world.postageChannels.getChannel(postageKey(n).address);
  for (const field of ["deposited", "feesSpent", "stampsSigned"] as const) {
    requireEqual(`${field} of payer ${n}`, onChain[field], channel[field]);
  }
}
requireEqual("some rows changed a channel and some were nobody's", changes > 0 && unsigned > 0, true);
console.log(
  `differential: ${cases} cases agree (${digests} digests, ${changes} rows that changed a channel, ` +
    `${unsigned} rows that no payer signed), seed ${seed}`,
);
process.exit(0);
