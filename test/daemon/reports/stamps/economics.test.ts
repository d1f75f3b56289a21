import { expect } from "chai";

import type { ReportedWelcome, Said } from "../../../../src/daemon/reports/stamps/nextStamps.ts";
import { nextStamps, saidKey } from "../../../../src/daemon/reports/stamps/nextStamps.ts";
import type { ReportStamps } from "../../../../src/daemon/reports/stamps/stampRows.ts";
import { NO_STAMPS, owedOf } from "../../../../src/daemon/reports/stamps/stampRows.ts";
import type { Address, Hex } from "../../../../src/protocol/bytes.ts";

const EPOCH = 43_200n;
const DAY = 86_400n;
const PRICE = 10_000n;
const TERMS = { price: PRICE, recipientsBps: 5_000, silentBps: 1_000 };
const STRANGERS = 1_000;
const DAYS = 60n;

const address = (n: number): Address => `0x${n.toString(16).padStart(40, "0")}`;
const inboxOf = (n: number): Hex => `0x${n.toString(16).padStart(64, "0")}`;
const FARM = 1_000_000;
const HONEST = 2_000_000;

interface Plan {
  /** Who writes to which inbox, and when. */
  welcomes: ReportedWelcome[];
  said: Map<string, Said>;
}

function welcome(n: number, payer: Address, inbox: number, seconds: bigint, changes = {}): ReportedWelcome {
  const id: Hex = `0x${n.toString(16).padStart(32, "0")}`;
  return {
    payer,
    inbox: inboxOf(inbox),
    welcome: id,
    seconds,
    originatorId: 100,
    sequenceId: BigInt(n),
    isWaived: false,
    ...changes,
  };
}

/** Report after report over sixty days; what each channel owes at the end, and what each account was paid. */
function play({ welcomes, said }: Plan): { owed: Map<Address, bigint>; paid: Map<Address, bigint> } {
  let state: ReportStamps = NO_STAMPS;
  const paid = new Map<Address, bigint>();
  for (let end = EPOCH; end <= DAYS * DAY; end += EPOCH) {
    const due = welcomes.filter(({ seconds }) => seconds >= end - EPOCH && seconds < end);
    state = nextStamps(state, due, said, TERMS, end);
    for (const { account, amount } of state.payouts) paid.set(account, (paid.get(account) ?? 0n) + amount);
  }
  return { owed: new Map(owedOf(state.charges).map((leaf) => [leaf.channel, leaf.cumulativeAmount])), paid };
}

const times = (count: number) => Array.from({ length: count }, (_, n) => n);
const saying = (welcomes: readonly ReportedWelcome[], word: Said) =>
  new Map(welcomes.map((one): [string, Said] => [saidKey(one), word]));
const usd = (units: bigint) => Number(units) / 1e6;

describe("daemon/reports/stamps: what each kind of cheat wins", () => {
  it("a farm that writes to its own inboxes and reports itself gets back half of what it pays", () => {
    const payer = address(FARM);
    const welcomes = times(STRANGERS).map((n) => welcome(n + 1, payer, n, BigInt(n) * 60n));
    const { owed, paid } = play({ welcomes, said: saying(welcomes, { verdict: "spam", account: address(7) }) });
    expect([usd(owed.get(payer)!), usd(paid.get(address(7))!)]).to.deep.equal([10, 5]);
  });

  it("a recipient that calls every stranger spam earns 0.005 USD of each, once in 30 days, whatever they send", () => {
    const payer = address(HONEST);
    const often = times(STRANGERS).map((n) => welcome(n + 1, payer, 1, BigInt(n) * 5_000n));
    const { owed, paid } = play({ welcomes: often, said: saying(often, { verdict: "spam", account: address(8) }) });
    // 58 days of writing: two stamps.
    expect([usd(owed.get(payer)!), usd(paid.get(address(8))!)]).to.deep.equal([0.02, 0.01]);
  });

  it("strangers whom everybody accepts pay nothing, silence costs them a tenth and nobody gets it", () => {
    const payers = times(STRANGERS).map((n) => address(HONEST + n));
    const welcomes = payers.map((payer, n) => welcome(n + 1, payer, n, BigInt(n)));
    expect(play({ welcomes, said: saying(welcomes, { verdict: "accept" }) }).owed.size).to.equal(0);
    const { owed, paid } = play({ welcomes, said: new Map() });
    expect([owed.get(payers[0]!), owed.size, paid.size]).to.deep.equal([PRICE / 10n, STRANGERS, 0]);
  });

  it("a node that dates a second welcome back, or shows one twice, changes nothing that a stranger pays", () => {
    const payer = address(HONEST);
    const first = welcome(1, payer, 1, 40n * DAY);
    const said = saying([first], { verdict: "spam", account: address(9) });
    const honest = play({ welcomes: [first], said });
    const twin = { ...first, originatorId: 200, seconds: first.seconds + 5n };
    const dated = { ...welcome(2, payer, 1, 40n * DAY + 1n), originatorId: 200 };
    expect(play({ welcomes: [first, twin, dated], said })).to.deep.equal(honest);
    const parent = nextStamps(NO_STAMPS, [first], new Map(), TERMS, 40n * DAY + EPOCH);
    const back = { ...dated, seconds: 5n * DAY };
    expect(nextStamps(parent, [back], new Map(), TERMS, 41n * DAY).charges).to.deep.equal(parent.charges);
  });
});
