import { expect } from "chai";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import type { Account, DaemonChain } from "../../../src/daemon/ports.ts";
import { Settler } from "../../../src/daemon/settle.ts";
import { Turns } from "../../../src/daemon/turns.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Address } from "../../../src/protocol/bytes.ts";
import { concatBytes, toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { VOUCHER_ROW_LENGTH } from "../../../src/protocol/voucher.ts";
import { CONTRACT, GWEI } from "./fakeMempool.ts";
import { deadlineSigner, routineSigner, settled, world } from "./support.ts";

const USD = 1_000_000n;
const ROW_GAS = 10_600n;
const DELAY_SECONDS = 90_000n;
const COUNT = 10_000;

/** Ten thousand payers with an unsettled voucher each. A row is the channel, for whoever reads a settlement here. */
function payers(fees: (i: number) => bigint) {
  const accounts = new Map<Address, Account>();
  for (let i = 0; i < COUNT; i++) {
    const channel = toHex(uintToBytes(BigInt(i + 1), 20));
    const row = concatBytes(uintToBytes(BigInt(i + 1), 20), new Uint8Array(VOUCHER_ROW_LENGTH - 20));
    const voucher = { channel, row, fees: fees(i), stamps: 0n };
    const chain = { ...EMPTY_CHANNEL, deposited: 1_000n * USD };
    accounts.set(channel, { channel, usagePico: 0n, vouchers: { fees: voucher, stamps: voucher }, chain });
  }
  return accounts;
}

function channelsOf(rows: Uint8Array): Address[] {
  const count = rows.length / VOUCHER_ROW_LENGTH;
  return Array.from({ length: count }, (_, i) =>
    toHex(rows.subarray(i * VOUCHER_ROW_LENGTH, i * VOUCHER_ROW_LENGTH + 20)),
  );
}

describe("daemon/transactions/withdrawals", function () {
  this.timeout(180_000);

  it("19: 10,000 withdrawals in an hour at ten times the gas price: all with value above cost are answered in time", async () => {
    const it = world();
    const manager = it.start({ signers: { routine: routineSigner, deadline: deadlineSigner } });
    // 4,000 USD for 1e18 wei: a row costs 0.42 USD at ten gwei. Values from nothing to 2 USD.
    const accounts = payers((i) => (BigInt(i) * 2n * USD) / BigInt(COUNT));
    const ordered = [...accounts.values()];
    const startedAt = BigInt(it.clock.now() / 1_000);
    it.chain.baseFee = 10n * GWEI;
    const settledAt = new Map<Address, bigint>();
    const settle = (channels: readonly Address[]) => {
      for (const channel of channels) {
        const { chain, vouchers } = accounts.get(channel)!;
        chain.feesSpent = vouchers!.fees.fees;
        settledAt.set(channel, BigInt(Math.floor(it.clock.now() / 1_000)));
      }
    };
    const chain = {
      gasPrice: async () => it.chain.baseFee + it.chain.tip,
      heads: async () => ({ latest: 1n, safe: 1n, timestamp: BigInt(Math.floor(it.clock.now() / 1_000)) }),
      nodes: async () => [{ nodeId: 100, httpAddress: "", isCanonical: true }],
      epochSeconds: async () => 43_200n,
      channels: async (channels: readonly Address[]) => channels.map((channel) => accounts.get(channel)!.chain),
      settling: async () => new Map(),
      simulateSettle: async (rows: Uint8Array) =>
        channelsOf(rows).reduce((sum, channel) => sum + accounts.get(channel)!.vouchers!.fees.fees, 0n),
      async settle(rows: Uint8Array, terms: object) {
        it.chain.gas = 39_400n + ROW_GAS * BigInt(rows.length / VOUCHER_ROW_LENGTH);
        const request = { ...terms, kind: "settle", to: CONTRACT, data: toHex(rows) } as never;
        const { hash, gasUsed } = await manager.send(request, new AbortController().signal);
        settle(channelsOf(rows));
        return { transactionHash: hash, gasUsed, collected: 0n, bounty: 0n, settledRows: 0 };
      },
    } as unknown as DaemonChain;
    const ledger = {
      accounts: async (after: Address | undefined, limit: number) => {
        const from = after === undefined ? 0 : Number(BigInt(after));
        return ordered.slice(from, from + limit);
      },
    };
    const policy = { maxGasBps: 200n, nativeTokenPrice: 4_000n * USD, exposureCap: 1_000n * USD };
    const turns = new Turns(100, chain);
    const settler = new Settler({ ledger, chain, policy, turns, clock: it.clock, log: silentLog });

    let asked = 0;
    let isRunning = false;
    for (let second = 0; second < 3_600 + 600 || isRunning; second += 10) {
      // Within the hour, everybody asks for everything back.
      for (; asked < Math.min(COUNT, ((second + 10) * COUNT) / 3_600); asked++) {
        const state = ordered[asked]!.chain;
        state.pendingWithdrawal = state.deposited;
        state.withdrawableAt = BigInt(Math.floor(it.clock.now() / 1_000)) + DELAY_SECONDS;
      }
      if (second % 300 === 0 && !isRunning && second < 3_600 + 600) {
        isRunning = true;
        void settler.runDeadlines().finally(() => (isRunning = false));
      }
      await settled();
      it.clock.advance(10_000);
      it.chain.mine();
      expect(second, "a run ends").to.be.lessThan(10_000);
    }
    const cost = (ROW_GAS * (it.chain.baseFee + it.chain.tip) * policy.nativeTokenPrice) / 10n ** 18n;
    const worth = ordered.filter(({ vouchers }) => vouchers!.fees.fees >= 2n * cost + 20_000n);
    expect(worth.length).to.be.greaterThan(5_000);
    for (const { channel, chain: state } of worth) {
      const at = settledAt.get(channel);
      expect(
        at !== undefined && at < state.withdrawableAt!,
        `${channel} of ${state.withdrawableAt! - startedAt}`,
      ).to.equal(true);
    }
    const spent = it.chain.mined(deadlineSigner.address);
    expect(spent.length, "in few transactions").to.be.lessThan(200);
    expect(it.chain.mined(routineSigner.address)).to.deep.equal([]);
  });
});
