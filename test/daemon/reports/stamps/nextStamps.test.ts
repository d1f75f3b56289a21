import { expect } from "chai";
import fc from "fast-check";

import type { ReportedWelcome, Said } from "../../../../src/daemon/reports/stamps/nextStamps.ts";
import { nextStamps, saidKey } from "../../../../src/daemon/reports/stamps/nextStamps.ts";
import type { ReportStamps } from "../../../../src/daemon/reports/stamps/stampRows.ts";
import {
  NO_STAMPS,
  Outcome,
  commitmentOf,
  packStamps,
  rootsOf,
  unpackStamps,
} from "../../../../src/daemon/reports/stamps/stampRows.ts";
import { factOf, markCharged, packFacts, unpackFacts } from "../../../../src/daemon/reports/facts.ts";
import type { Address, Hex } from "../../../../src/protocol/bytes.ts";

const DAY = 86_400n;
const PRICE = 10_000n;
const TERMS = { price: PRICE, recipientsBps: 5_000, silentBps: 1_000 };
const hex = (digit: string, bytes: number): Hex => `0x${digit.repeat(2 * bytes)}`;
const PAYERS: Address[] = ["1", "2", "3"].map((digit) => hex(digit, 20));
const INBOXES: Hex[] = ["a", "b", "c"].map((digit) => hex(digit, 32));
const ACCOUNT = hex("9", 20);
const SPAM: Said = { verdict: "spam", account: ACCOUNT };
const ACCEPT: Said = { verdict: "accept" };

function welcomeOf(
  payer: number,
  inbox: number,
  seconds: bigint,
  changes: Partial<ReportedWelcome> = {},
): ReportedWelcome {
  const welcome: Hex = `0x${(BigInt(payer * 16 + inbox) * 2n ** 64n + seconds).toString(16).padStart(32, "0")}`;
  return {
    ...{ payer: PAYERS[payer]!, inbox: INBOXES[inbox]!, welcome, seconds, originatorId: 100, sequenceId: seconds + 1n },
    ...{ isWaived: false, ...changes },
  };
}

const said = (...what: [ReportedWelcome, Said][]) => new Map(what.map(([welcome, word]) => [saidKey(welcome), word]));
const owed = ({ charges }: ReportStamps) => charges.filter((one) => one.cumulativeAmount > 0n);

describe("daemon/reports/stamps", () => {
  it("spam is charged and its account paid the share; accept costs nothing; silence a tenth, a week later", () => {
    const [spam, kind, silent] = [welcomeOf(0, 0, 0n), welcomeOf(0, 1, 10n), welcomeOf(1, 2, 20n)];
    const first = nextStamps(NO_STAMPS, [silent, kind, spam], said([spam, SPAM], [kind, ACCEPT]), TERMS, DAY);
    expect(owed(first)).to.deep.equal([{ channel: PAYERS[0], cumulativeAmount: PRICE }]);
    expect(first.payouts).to.deep.equal([{ account: ACCOUNT, amount: PRICE / 2n }]);
    const early = nextStamps(first, [], said([silent, SPAM]), TERMS, 7n * DAY + 20n);
    expect(owed(early)[1]).to.deep.equal({ channel: PAYERS[1], cumulativeAmount: PRICE });
    const second = nextStamps(first, [], new Map(), TERMS, 7n * DAY + 19n);
    expect(owed(second)).to.deep.equal(owed(first));
    const third = nextStamps(second, [], new Map(), TERMS, 7n * DAY + 20n);
    expect(owed(third)[1]).to.deep.equal({ channel: PAYERS[1], cumulativeAmount: PRICE / 10n });
    expect(third.payouts).to.deep.equal([]);
  });

  it("38: what a report has decided no later one looks at again", () => {
    const [a, b, c] = [welcomeOf(0, 0, 0n), welcomeOf(0, 1, 0n), welcomeOf(0, 2, 0n)];
    const first = nextStamps(NO_STAMPS, [a, b, c], said([a, SPAM], [b, ACCEPT]), TERMS, 8n * DAY);
    const all = said([a, ACCEPT], [b, SPAM], [c, SPAM]);
    const second = nextStamps(first, [], all, TERMS, 9n * DAY);
    expect([second.charges, second.payouts]).to.deep.equal([first.charges, []]);
  });

  it("one stamp covers a pair for thirty days, whichever log it comes from; a waived welcome opens none", () => {
    const first = welcomeOf(0, 0, 100n);
    const others = [
      welcomeOf(0, 0, 100n, { originatorId: 200, welcome: hex("5", 16) }),
      welcomeOf(0, 0, 100n + 30n * DAY - 1n),
      welcomeOf(1, 0, 50n, { isWaived: true }),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray([first, ...others], { minLength: 4 }), (welcomes) => {
        const { rows } = nextStamps(NO_STAMPS, welcomes, new Map(), TERMS, DAY);
        expect(rows).to.have.length(1);
        expect(rows[0]).to.include({ welcome: first.welcome, outcome: Outcome.open });
      }),
    );
    const later = nextStamps(NO_STAMPS, [first, welcomeOf(0, 0, 100n + 30n * DAY)], new Map(), TERMS, 31n * DAY);
    // The first was silent, the second is open.
    expect(owed(later)).to.deep.equal([{ channel: PAYERS[0], cumulativeAmount: PRICE / 10n }]);
    expect(later.rows).to.have.length(1);
    expect(later.rows[0]!.outcome).to.equal(Outcome.open);
  });

  it("the order of welcomes, and one report or many, make no difference to what is owed", () => {
    const welcomes = fc.array(
      fc.record({ payer: fc.nat(2), inbox: fc.nat(2), at: fc.nat(40) }).map(({ payer, inbox, at }) => {
        return welcomeOf(payer, inbox, BigInt(at) * DAY);
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(welcomes, fc.infiniteStream(fc.nat(2)), (some, words) => {
        const all = said(
          ...some.map((one): [ReportedWelcome, Said] => [one, [SPAM, ACCEPT, SPAM][words.next().value!]!]),
        );
        const end = 60n * DAY;
        const once = nextStamps(NO_STAMPS, some, all, TERMS, end);
        const reversed = nextStamps(NO_STAMPS, [...some].reverse(), all, TERMS, end);
        expect(rootsOf(reversed)).to.deep.equal(rootsOf(once));
        let step = NO_STAMPS;
        for (let day = 0n; day <= 60n; day += 5n) {
          const due = some.filter(({ seconds }) => seconds >= (day - 5n) * DAY && seconds < day * DAY);
          step = nextStamps(step, due, all, TERMS, day * DAY);
        }
        expect(owed(step)).to.deep.equal(owed(once));
      }),
    );
  });

  it("the roots stand for the rows too: another row is found out", () => {
    const stamps = nextStamps(NO_STAMPS, [welcomeOf(0, 0, 0n), welcomeOf(1, 1, 5n)], new Map(), TERMS, DAY);
    expect(stamps.charges).to.deep.equal(commitmentOf(stamps.rows));
    const packed = packStamps(stamps);
    expect(unpackStamps(packed)).to.deep.equal(stamps);
    for (let at = 4; at < 4 + 2 * 85; at += 9) {
      const changed = packed.slice();
      changed[at]! ^= 1;
      expect(() => unpackStamps(changed), `byte ${at}`).to.throw(RangeError);
    }
    expect(unpackStamps(packStamps(NO_STAMPS))).to.deep.equal(NO_STAMPS);
    const { rows } = stamps;
    expect(() => unpackStamps(packStamps({ ...stamps, rows: rows.slice(1) }))).to.throw(RangeError);
    expect(() => unpackStamps(packStamps({ ...stamps, charges: [] }))).to.throw(RangeError);
  });

  it("facts keep a welcome's topic and digest, and count charges as before", () => {
    const read = (n: number, welcomeKey?: Uint8Array) => ({
      ...{ originatorNs: 5_000_000_000n, payerEnvelopeHash: String(n).repeat(64), payer: PAYERS[0]!, size: 100 + n },
      ...{ digest: String(n).repeat(32), isFree: false, ...(welcomeKey ? { welcomeKey } : {}) },
    });
    const key = new Uint8Array(32).fill(7);
    const facts = [factOf(1n, read(1)), factOf(2n, read(2, key)), factOf(3n, read(3, key)), factOf(4n, read(4))];
    const packed = packFacts(facts);
    markCharged(packed, (charge) => charge === 1 || charge === 3);
    const back = [...unpackFacts(packed)];
    expect(back.map(({ kind }) => kind)).to.deep.equal([2, 1, 2, 1]);
    expect(back.map(({ sequenceId, size }) => [sequenceId, size])).to.deep.equal(
      facts.map((one) => [one.sequenceId, one.size]),
    );
    expect(back.map(({ welcome }) => welcome && [...welcome.id].length + welcome.key[0]!)).to.deep.equal([
      undefined,
      23,
      23,
      undefined,
    ]);
    expect(back[2]!.welcome!.id).to.deep.equal(new Uint8Array(16).fill(0x33));
  });
});
