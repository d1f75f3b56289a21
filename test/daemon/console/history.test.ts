import { expect } from "chai";

import { History } from "../../../src/daemon/console/history.ts";
import type { ReportContents } from "../../../src/daemon/reports/ports.ts";
import { UsageLeaves } from "../../../src/daemon/reports/usageLeaves.ts";
import { concatBytes, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { NO_PARENT } from "../../../src/protocol/report/report.ts";
import { storeAt } from "../support.ts";

const HOUR_MS = 3_600_000;
const NOW = 500_000 * HOUR_MS + 17;
const digestOf = (n: number) => toHex(uintToBytes(BigInt(n), 32));

/** What channels used in all, as a report's leaves. */
function contents(epoch: bigint, parent: `0x${string}`, used: bigint[]): ReportContents {
  const leaves = used.map((pico, i) =>
    concatBytes(uintToBytes(BigInt(i + 1), 20), uintToBytes(pico, 16), uintToBytes(0n, 8)),
  );
  const none = digestOf(0);
  const roots = { logsRoot: none, usageRoot: none, stampChargesRoot: none, stampPayoutsRoot: none, debitsHash: none };
  return {
    report: { shard: 0, epoch, round: 0, parent, registryVersion: 1n, ...roots, absentSeats: 0n },
    usage: new UsageLeaves(concatBytes(...leaves)),
    ...{ ranges: [], debits: [] },
  };
}

describe("daemon/console/history", () => {
  it("sums hours by node, the quiet ones together, and leaves out what is older than a week or dated ahead", async () => {
    const store = await storeAt();
    const charge = (digest: number, minute: number, feePico: bigint) => ({
      ...{ channel: toHex(uintToBytes(1n, 20)), digest: toHex(uintToBytes(BigInt(digest), 16)).slice(2) },
      ...{ feePico, minute: BigInt(minute) },
    });
    const here = 500_000 * 60;
    let digest = 0;
    // Node 100 carries one message, 200 two, and so on to 800; of each, one more a week ago and one an hour ahead.
    for (let node = 1; node <= 8; node++) {
      const now = Array.from({ length: node }, () => charge(digest++, here, 10n ** 20n));
      const beside = [charge(digest++, here - 168 * 60, 1n), charge(digest++, here + 60, 1n)];
      const after = { after: 0n, upTo: 1n, minuteCounts: new Map<bigint, bigint>() };
      await store.ledger.meter({ originatorId: node * 100, ...after, charges: [...now, ...beside] });
    }
    const { traffic } = await new History(store).read(NOW);
    expect(traffic).to.deep.equal({
      nodes: [300, 400, 500, 600, 700, 800, -1],
      hours: [
        {
          at: 500_000 * HOUR_MS,
          messages: [3, 4, 5, 6, 7, 8, 3],
          feesPico: [3, 4, 5, 6, 7, 8, 3].map((n) => String(BigInt(n) * 10n ** 20n)),
        },
      ],
    });
    await store.close();
  });

  it("takes an epoch's fees from its report and the parent's, of an epoch's reports the one that got furthest", async () => {
    const store = await storeAt();
    const { reports } = store;
    await reports.put(digestOf(1), contents(7n, NO_PARENT, [5n, 2n ** 70n]), 1);
    await reports.put(digestOf(2), contents(8n, digestOf(1), [9n, 2n ** 70n, 1n]), 2);
    await reports.put(digestOf(3), contents(8n, digestOf(1), [500n, 2n ** 70n, 1n]), 3);
    await reports.put(digestOf(4), contents(9n, digestOf(2), [9n, 2n ** 70n, 1n]), 4);
    await reports.put(digestOf(5), contents(10n, digestOf(99), [900n]), 5);
    await reports.change(digestOf(1), { state: "final" });
    await reports.change(digestOf(2), { state: "accepted" });
    await reports.change(digestOf(3), { state: "void" });
    const history = new History(store);
    const expected = [
      { epoch: "7", state: "final", usedPico: String(2n ** 70n + 5n) },
      { epoch: "8", state: "accepted", usedPico: "5" },
      { epoch: "9", state: "built", usedPico: "0" },
    ];
    // The newest four are read first; the rest with the next look, and what was read is not read again.
    const first = await history.read(NOW);
    expect(first.epochs.length).to.be.at.most(3);
    reports.get = () => Promise.reject(new Error("read again"));
    expect((await history.read(NOW)).epochs).to.deep.equal(expected);
    await store.close();
  });
});
