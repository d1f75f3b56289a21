import { expect } from "chai";

import { alertsOf } from "../../../src/daemon/console/alerts.ts";
import type { OverviewData } from "../../../src/daemon/overview/overview.ts";
import { toAddress } from "../../../src/protocol/bytes.ts";

const NOW = 1_800_000_000_000;
const CHANNEL = toAddress(`0x${"aa".repeat(20)}`);
const ACCOUNT = toAddress(`0x${"bb".repeat(20)}`);
const head = { number: 9n, hash: `0x${"01".repeat(32)}` as const, timestamp: BigInt(NOW / 1_000) };
const lane = {
  ...{ lane: "routine" as const, account: ACCOUNT, balanceWei: 1n, reserveWei: 1n, runway: 1n, nextNonce: 1 },
  ...{ alarm: "none" as const, open: 0, pending: 0, oldestPendingAt: undefined },
};

/** All is well but for what is said. */
function dataWith(changes: object): OverviewData {
  return {
    ...{ nodeId: 100, now: NOW, health: { ok: true, reasons: [] }, ready: { ok: true, reasons: [] } },
    chain: { head, broken: undefined, doubt: 0, clockOffSeconds: 0, endpoints: [{ name: "a", state: "well" }] },
    exposureCap: 1_000n,
    books: { largest: [{ channel: CHANNEL, exposure: 900n, unsettled: 1n }] },
    deadlines: [{ channel: CHANNEL, unsettled: 5n, exposure: 5n, withdrawableAt: head.timestamp + 21_600n }],
    transactions: { isFenced: false, lanes: [lane, { ...lane, lane: "deadline" }] },
    ...{ reports: null, faults: { accused: false, open: 0 }, disk: { freeBytes: 3e9, databases: {} } },
    loops: [{ loop: "meter", ageSeconds: 1, sinceSuccessSeconds: 2, isStuck: false, failures: 3 }],
    ...changes,
  } as unknown as OverviewData;
}

const with_ = (changes: object) => alertsOf(dataWith(changes)).map(({ level, text }) => `${level}: ${text}`);
const chainWith = (changes: object) => ({ chain: { ...dataWith({}).chain, ...changes } });

describe("daemon/console/alerts", () => {
  it("has none when all is well, at the limits too", () => {
    expect(with_({})).to.deep.equal([]);
  });

  for (const [what, changes, expected] of [
    ["a loop that hangs", { health: { ok: false, reasons: ["stuck"] } }, /^bad: stuck$/],
    ["a gate that is shut", { ready: { ok: false, reasons: ["old copy"] } }, /^bad: old copy$/],
    ["an accusation", { faults: { accused: true, open: 0 } }, /^bad: A case/],
    ["finality that broke", chainWith({ broken: "taken back" }), /^bad: taken back$/],
    ["a report that cannot be attested", { reports: { state: "cannot", message: "why" } }, /^bad: .*attest: why$/],
    [
      "a deadline within six hours",
      { deadlines: [{ channel: CHANNEL, unsettled: 5n, withdrawableAt: head.timestamp + 21_599n }] },
      /^bad: 0xaa.*owes 0.000005 USD$/,
    ],
    [
      "gas that is gone, once for an account of two lanes",
      {
        transactions: {
          lanes: [
            { ...lane, alarm: "empty" },
            { ...lane, lane: "deadline", alarm: "empty" },
          ],
        },
      },
      /^bad: The account 0xbb.*cannot pay/,
    ],
    ["gas that runs low", { transactions: { lanes: [{ ...lane, alarm: "low" }] } }, /^warn: .*runs low/],
    [
      "a stuck transaction with a deadline",
      { transactions: { lanes: [{ ...lane, lane: "deadline", oldestPendingAt: NOW - 3_600_001 }] } },
      /^bad: .*more than an hour/,
    ],
    ["doubt", chainWith({ doubt: 0.5 }), /^warn: The chain was not read/],
    ["a clock that is off", chainWith({ clockOffSeconds: -70 }), /^warn: .*70 s behind/],
    [
      "an endpoint that fails",
      chainWith({ endpoints: [{ name: "b", state: "failing", problem: "x" }] }),
      /^warn: .*b is failing: x$/,
    ],
    [
      "an exposure near the cap",
      { books: { largest: [{ channel: CHANNEL, exposure: 901n }] } },
      /^warn: .*refused soon/,
    ],
    [
      "a loop that fails",
      { loops: [{ loop: "gossip", ageSeconds: 1, sinceSuccessSeconds: 62 }] },
      /^warn: The gossip loop/,
    ],
    ["a full disk", { disk: { freeBytes: 1.9e9 } }, /^warn: 1.9 GB/],
  ] as const) {
    it(`tells of ${what}`, () => {
      const alerts = with_(changes);
      expect(alerts.length, alerts.join("\n")).to.equal(1);
      expect(alerts[0]).to.match(expected);
    });
  }
});
