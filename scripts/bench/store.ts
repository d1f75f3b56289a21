/**
 * What the daemon's store does in a second, run by hand: `node --import tsx scripts/bench/store.ts [postgres://...]`.
 * Without a URL it writes a SQLite file in a temporary directory, so it measures the disk as well.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EMPTY_CHANNEL } from "../../src/daemon/account.ts";
import { openStore } from "../../src/daemon/store/openStore.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { silentLog } from "../../src/platform/log.ts";
import { concatBytes, toHex, uintToBytes } from "../../src/protocol/bytes.ts";

const PAYERS = 10_000;
const SECONDS = 4;

const directory = mkdtempSync(join(tmpdir(), "pennyblack-bench-"));
const at = process.argv[2] ?? join(directory, "ledger.sqlite");
const domain = { chainId: 1n, postageChannels: toHex(new Uint8Array(20)) };
const store = await openStore({ at, domain, nodeId: 100, clock: systemClock, log: silentLog });
const { ledger } = store;
const channels = Array.from({ length: PAYERS }, (_, i) => toHex(uintToBytes(BigInt(i) * 0x9e3779b97f4a7c15n, 20)));
const states = new Map(channels.map((channel) => [channel, { ...EMPTY_CHANNEL, deposited: 1n }]));
await ledger.recordChain({ states, readTo: 1n, blocks: [] });

const nextDigest = () => randomBytes(16).toString("hex");

async function measure(name: string, size: number, step: (round: number) => Promise<unknown>) {
  for (let i = 0; i < 3; i++) await step(-1 - i);
  const [began, cpu] = [performance.now(), process.cpuUsage()];
  let rounds = 0;
  while (performance.now() - began < SECONDS * 1_000) await step(rounds++);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const perSecond = Math.round((rounds * size) / seconds).toLocaleString("en");
  const busy = Math.round((user + system) / 10_000 / seconds);
  console.log(`${name.padEnd(44)} ${perSecond.padStart(10)}/s ${busy} % of a core`);
}

let [after, fees] = [await ledger.meterCursor(200), 0n];
const meter = (size: number, payers: number) => async () => {
  const from = Math.floor(Math.random() * (PAYERS - payers));
  const charges = Array.from({ length: size }, (_, i) => ({
    ...{ channel: channels[from + (i % payers)]!, digest: nextDigest(), feePico: 12_345_678n },
  }));
  const upTo = after + BigInt(size);
  await ledger.meter({ originatorId: 200, after, upTo, charges, minuteCounts: new Map([[upTo / 10_000n, upTo]]) });
  after = upTo;
};
const raise = (size: number) => async () => {
  fees++;
  const from = Math.floor(Math.random() * (PAYERS - size));
  const some = channels.slice(from, from + size);
  const row = concatBytes(uintToBytes(fees, 8), new Uint8Array(72).fill(7));
  await ledger.raise(some.map((channel) => ({ channel, fees, stamps: 0n, row })));
};

await measure("meter, batches of 500, 50 known payers", 500, meter(500, 50));
await measure("meter, batches of 500, 500 known payers", 500, meter(500, 500));
await measure("raise, batches of 1,000 payers", 1_000, raise(1_000));
await measure("raise, one by one", 1, raise(1));
await measure("account", 1, () => ledger.account(channels[Math.floor(Math.random() * PAYERS)]!));
await measure("chargedOf, 500", 500, () =>
  ledger.chargedOf(Array.from({ length: 500 }, (_, i) => ({ channel: channels[i]!, digest: nextDigest() }))),
);
if (!process.argv[2]) console.log(`${Math.round(statSync(at).size / 1e6)} MB for ${after} charges`);
await store.close();
rmSync(directory, { recursive: true });
