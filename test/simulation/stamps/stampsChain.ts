import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import type { ChargeLeaf, PayoutLeaf } from "../../../src/protocol/report/leaves.ts";
import type { CeilingRow } from "../../../src/daemon/reports/ports.ts";
import { fastRecoverAddress } from "../../../src/platform/fastEcdsa.ts";
import { readVoucher } from "../../../src/protocol/voucher.ts";
import { DOMAIN } from "../../daemon/support.ts";

const RECIPIENTS_BPS = 5_000n;

interface OnChain {
  deposited: bigint;
  signed: bigint;
  spent: bigint;
}

/** What PostageChannels and Stamps do with money: written anew from formats.md, with nothing of the daemon's. */
export class StampsChain {
  readonly channels = new Map<Address, OnChain>();
  /** By report: what was charged under it. */
  readonly pots = new Map<Hex, bigint>();
  treasury = 0n;

  fund(channel: Address, deposited: bigint): void {
    this.channels.set(channel, { deposited, signed: 0n, spent: 0n });
  }

  charge(report: Hex, charges: readonly ChargeLeaf[], ceilings: readonly CeilingRow[]): void {
    for (const { row } of ceilings) {
      const { channel, stamps } = readVoucher(DOMAIN, row, fastRecoverAddress);
      const state = this.channels.get(channel);
      if (state && stamps > state.signed) state.signed = stamps;
    }
    for (const { channel, cumulativeAmount } of charges) {
      const state = this.channels.get(channel);
      if (!state) continue;
      const due = [cumulativeAmount, state.signed, state.deposited].reduce((a, b) => (a < b ? a : b)) - state.spent;
      if (due <= 0n) continue;
      state.spent += due;
      this.pots.set(report, (this.pots.get(report) ?? 0n) + due);
    }
  }

  /** Pays a report's payouts out of its pot; the rest is the treasury's. */
  payAll(report: Hex, payouts: readonly PayoutLeaf[]): Map<Address, bigint> {
    const charged = this.pots.get(report) ?? 0n;
    const share = (charged * RECIPIENTS_BPS) / 10_000n;
    const total = payouts.reduce((sum, { amount }) => sum + amount, 0n);
    const pot = total < share ? total : share;
    const paid = new Map(payouts.map(({ account, amount }) => [account, total === 0n ? 0n : (amount * pot) / total]));
    this.treasury += charged - [...paid.values()].reduce((sum, amount) => sum + amount, 0n);
    return paid;
  }
}
