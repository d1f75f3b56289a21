import { randomBytes } from "node:crypto";

import { expect } from "chai";
import fc from "fast-check";

import type { DaemonStore } from "../../../src/daemon/ports.ts";
import { DigestFilter } from "../../../src/daemon/store/charges/digestFilter.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { onBoth } from "./backends.ts";

const PER_GENERATION = 8;
const CHANNELS: readonly Address[] = [`0x${"11".repeat(20)}`, `0x${"22".repeat(20)}`];
const someDigest = () => randomBytes(16).toString("hex");

/** Meters each digest for a channel; answers what was charged, as `channel:digest`. */
async function meter({ ledger }: DaemonStore, digests: readonly string[], channel = CHANNELS[0]!, originatorId = 200) {
  const after = await ledger.meterCursor(originatorId);
  const charges = digests.map((digest) => ({ channel, digest, feePico: 1n }));
  const batch = { originatorId, after, upTo: after + BigInt(digests.length), charges, minuteCounts: new Map() };
  return (await ledger.meter(batch)).map(({ digest }) => digest);
}

async function charged({ ledger }: DaemonStore, digests: readonly string[], channel = CHANNELS[0]!): Promise<string[]> {
  const found = await ledger.chargedOf(digests.map((digest) => ({ channel, digest })));
  return digests.filter((digest) => found.has(`${channel}:${digest}`));
}

onBoth("store/charges", (fixture) => {
  const open = () => fixture.open({ chargesPerGeneration: PER_GENERATION });
  const count = async (table: string) =>
    Number((await fixture.place.query(`select count(*) as n from ${table}`))[0]!.n);

  it("charges once whatever generation a digest is in, also after a restart (D2)", async () => {
    let store = await open();
    const made: string[] = [];
    for (let round = 0; round < 40; round++) {
      const fresh = Array.from({ length: 5 }, someDigest);
      // One of each generation again, and one twice in the batch.
      const again = made.filter((_, i) => i % PER_GENERATION === round % PER_GENERATION).slice(0, 30);
      expect(await meter(store, [...again, ...fresh, fresh[0]!])).to.deep.equal(fresh);
      made.push(...fresh);
      if (round % 10 !== 9) continue;
      await store.close();
      store = await open();
    }
    expect(await charged(store, made)).to.deep.equal(made);
    expect(await charged(store, made, CHANNELS[1])).to.deep.equal([]);
    expect(await meter(store, made.slice(0, 20), CHANNELS[1]), "another payer's").to.deep.equal(made.slice(0, 20));
    expect(await count("charge_filters")).to.be.at.least(1);
  });

  it("merges filters of one size, and finds everything through them", async () => {
    const store = await open();
    const made: string[] = [];
    // Generations end in the background: two levels need 256 of them.
    while (Number((await fixture.place.query("select current from generation"))[0]!.current) < 260) {
      const fresh = Array.from({ length: 3 * PER_GENERATION }, someDigest);
      await meter(store, fresh);
      made.push(...fresh);
    }
    await store.close();
    const again = await open();
    expect(await charged(again, made.slice(0, 1_000))).to.deep.equal(made.slice(0, 1_000));
    expect(await meter(again, made.slice(-1_000))).to.deep.equal([]);
    expect(await count("charge_filters")).to.be.lessThan(40);
  });

  it("looks a generation up while it has no filter: the process that ended it was killed", async () => {
    const store = await open();
    const made = Array.from({ length: 3 * PER_GENERATION }, someDigest);
    for (let i = 0; i < made.length; i += PER_GENERATION) await meter(store, made.slice(i, i + PER_GENERATION));
    await store.close();
    await fixture.place.query("delete from charge_filters");
    await fixture.place.query("update generation set current = current + 1");
    const again = await open();
    expect(await charged(again, made)).to.deep.equal(made);
    expect(await meter(again, made)).to.deep.equal([]);
    await meter(again, [someDigest()]);
    await again.close();
    const current = Number((await fixture.place.query("select current from generation"))[0]!.current);
    expect(await count("charge_filters"), "built afterwards").to.equal(current);
  });

  it("charges once when two processes meter the same digests while generations end (53)", async function () {
    const stores = [await open().catch(() => undefined)];
    if (stores[0]?.isShared) stores.push(await open());
    const digests = Array.from({ length: 300 }, someDigest);
    const runs = stores.map(async (store, which) => {
      const won: string[] = [];
      for (let i = 0; i < digests.length; i += 10) {
        won.push(...(await meter(store!, digests.slice(i, i + 10), CHANNELS[0], 200 + which * 100)));
      }
      return won;
    });
    const won = (await Promise.all(runs)).flat();
    expect(won.sort()).to.deep.equal([...digests].sort());
    expect(await count("charges")).to.equal(digests.length);
  });
});

describe("DigestFilter", () => {
  it("has what was added, and seldom what was not", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 16, maxLength: 16 }), { maxLength: 200 }), (digests) => {
        const filter = DigestFilter.forCount(digests.length);
        for (const digest of digests) filter.add(digest);
        const copy = DigestFilter.fromBytes(filter.bytes.slice());
        for (const digest of digests) expect(filter.mayHave(digest) && copy.mayHave(digest)).to.equal(true);
      }),
    );
    const filter = DigestFilter.forCount(5_000);
    for (let i = 0; i < 5_000; i++) filter.add(randomBytes(16));
    let wrong = 0;
    for (let i = 0; i < 20_000; i++) if (filter.mayHave(randomBytes(16))) wrong++;
    // Expected 11.5; a hundred has no chance of one in 10^50.
    expect(wrong).to.be.lessThan(100);
  });
});
