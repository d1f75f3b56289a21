/**
 * `npm run bench:growth`: a network of 90 seats, 10,000 payers and 10,000 messages a second, from costs that are measured
 * in this run (store, gossip, metering) and the code that decides (fees, when a settlement is worth its gas). What it
 * means is in docs/growth.md.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { readParameters } from "../../src/deployment/parameters.ts";
import { FACT_LENGTH } from "../../src/daemon/reports/facts.ts";
import { canonicalPayerEnvelopeSize, readPayerEnvelope } from "../../src/protocol/envelope.ts";
import { fastRecoverAddress } from "../../src/platform/fastEcdsa.ts";
import { baseFeePico } from "../../src/protocol/fees.ts";
import { RETENTION_DAYS } from "../../test/support/envelopes.ts";
import { startPostgres } from "../../test/support/postgres.ts";
import { envelopesPerSecond } from "./daemon/measure.ts";
import { logOf, openAt, payerEnvelopeOf, somePayers } from "./daemon/world.ts";
import { measureFilters } from "./growth/filters.ts";
import { measureGossip } from "./growth/gossip.ts";
import { settlementsOf } from "./growth/settlement.ts";
import { measureStore } from "./growth/store.ts";

const USAGE = `npm run bench:growth -- [--seats 90] [--payers 10000] [--rate 10000] [--json FILE]`;
const DAY = 86_400;
/** Of a gateway, unless it says otherwise: base units. */
const HEADROOM = 50_000n;
const CHARGES = 300_000;
const GOSSIPED = 20;
const METERED = 30_000;

function readOptions(): { seats: number; payers: number; rate: number; json: string | undefined } {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({ options: { seats: text, payers: text, rate: text, json: text } });
    const [seats, payers, rate] = [values.seats ?? 90, values.payers ?? 10_000, values.rate ?? 10_000].map(Number);
    const isSize = (n: number | undefined, most: number): n is number => Number.isInteger(n) && n! >= 1 && n! <= most;
    if (isSize(seats, 180) && isSize(payers, 1_000_000) && isSize(rate, 1_000_000)) {
      return { seats, payers, rate, json: values.json };
    }
    throw new Error("--seats takes 1 to 180, --payers and --rate 1 to 1000000");
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const options = readOptions();
const { seats, payers, rate } = options;
const directory = mkdtempSync(join(tmpdir(), "pennyblack-growth-"));
const cluster = await startPostgres();

async function measure(place: (name: string) => Promise<string>) {
  const store = await openAt(await place("size"));
  const size = await measureStore(store, somePayers(10_000), CHARGES);
  await store.close();
  const metering = await openAt(await place("metering"));
  const metered = await envelopesPerSecond(metering, somePayers(1_000), METERED);
  await metering.close();
  return { ...size, envelopesPerSecond: metered };
}

const stores = {
  sqlite: await measure(async (name) => join(directory, `${name}.sqlite`)),
  ...(cluster ? { postgres: await measure(() => cluster.create()) } : {}),
};
await cluster?.remove();
rmSync(directory, { recursive: true });
const gossip = await measureGossip(seats, somePayers(GOSSIPED));

const filters = measureFilters();

const payer = somePayers(1)[0]!;
const bytes = payerEnvelopeOf(0, payer);
const [entry] = await logOf([payer], 1, 600_000).read(100, 0n, 1);
const rates = readParameters("local").firstRates;
const size = canonicalPayerEnvelopeSize(readPayerEnvelope(bytes, fastRecoverAddress));
const feePico = baseFeePico(toRates(rates), size, RETENTION_DAYS);
const message = { bytes: entry!.envelope.length, canonicalBytes: size, feeUsd: Number(feePico) / 1e12 };

const unitsPerSecond = (Number(feePico) / 1e6) * rate;
const perPayer = unitsPerSecond / payers;
const raisesPerSecond = unitsPerSecond / Number(HEADROOM);
const gossipRows = raisesPerSecond * gossip.rowsPerRaise;
const network = {
  usdPerDay: (unitsPerSecond * DAY) / 1e6,
  raisesPerSecond,
  gossip: {
    rowsPerSecond: gossipRows,
    kilobytesPerSecond: (gossipRows * 80) / 1_000,
    cores: (gossipRows * gossip.msPerRow) / 1_000,
  },
  log: {
    megabitsPerSecond: (message.bytes * rate * 8) / 1e6,
    terabytesKept: (message.bytes * rate * DAY * RETENTION_DAYS) / 1e12,
  },
  /** What reports are built from and their leaves are served with, for a year. */
  facts: {
    gigabytesPerDay: (FACT_LENGTH * rate * DAY) / 1e9,
    terabytesKept: (FACT_LENGTH * rate * DAY * 365) / 1e12,
  },
  stores: Object.fromEntries(
    Object.entries(stores).map(([name, { bytesPerCharge, bytesPerChannel, envelopesPerSecond: most }]) => [
      name,
      {
        gigabytesPerDay: (bytesPerCharge * rate * DAY) / 1e9,
        megabytesOfChannels: (bytesPerChannel * payers) / 1e6,
        shareOfMetering: rate / most,
      },
    ]),
  ),
  /** Of one daemon, after so many days. */
  filters: Object.fromEntries(
    [1, 7, 60].map((days) => {
      const charges = rate * DAY * days;
      const looks = (charges / filters.chargesPerFilter) * rate;
      const gigabytes = (charges * filters.bytesPerCharge) / 1e9;
      return [`after ${days} days`, { gigabytes, cores: (looks * filters.nsPerLook) / 1e9 }];
    }),
  ),
  settlement: settlementsOf({ payers, unitsPerPayerAndSecond: perPayer }),
};
const all = {
  options: { seats, payers, rate },
  cores: availableParallelism(),
  message,
  stores,
  gossip,
  filters,
  network,
};
console.log(JSON.stringify(all, (_, value: unknown) => (typeof value === "number" ? rounded(value) : value), 2));
if (options.json) writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`);

function toRates({ congestionFeePicoPerUnit, storageFeePicoPerByteDay, ...first }: typeof rates) {
  return {
    ...{ messageFeePico: first.messageFeePico, storageFeePico: storageFeePicoPerByteDay },
    ...{ congestionFeePico: congestionFeePicoPerUnit, targetRatePerMinute: BigInt(first.targetRatePerMinute) },
    startAt: 0n,
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
