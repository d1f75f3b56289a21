import type { ContractTransaction } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { provedLeaves } from "../../contracts/stampRows.ts";
import { chunksOf } from "../../platform/chunks.ts";
import { concatBytes, toHex } from "../../protocol/bytes.ts";
import type { ChargeLeaf } from "../../protocol/report/leaves.ts";
import { chargesTree } from "../../protocol/report/leaves.ts";
import type { Report } from "../../protocol/report/report.ts";
import { voucherAmounts } from "../../protocol/voucher.ts";
import type { ChannelOnChain } from "../ports.ts";
import type { CeilingRow } from "../reports/ports.ts";
import type { IntentKind } from "../transactions/ports.ts";

const ROWS_PER_TRANSACTION = 100;

/** Sends when `value` base units are worth the gas; answers false when they are not. */
export type SendIfWorth = (
  kind: IntentKind,
  call: ContractTransaction,
  value: bigint,
  urgent: boolean,
) => Promise<boolean>;

/**
 * Charges what channels owe for stamps under a final report. The chain knows a ceiling once somebody has settled the voucher
 * that carries it, fees or not, so those that are missing are settled first. Answers false when some of it is not worth its gas.
 */
export async function chargeStamps(
  { postageChannels, stamps }: Pick<Contracts, "postageChannels" | "stamps">,
  sendIfWorth: SendIfWorth,
  report: Report,
  charges: readonly ChargeLeaf[],
  ceilings: readonly CeilingRow[],
): Promise<boolean> {
  const tree = chargesTree(charges);
  const owed = [...charges.keys()].filter((index) => charges[index]!.cumulativeAmount > 0n);
  const rows = new Map(ceilings.map(({ channel, row }) => [channel, row]));
  let isDone = true;
  for (const some of chunksOf(owed, ROWS_PER_TRANSACTION)) {
    const channels = some.map((index) => charges[index]!.channel);
    const states = await postageChannels.getChannels(channels);
    const due = some.flatMap((index, i) => {
      const { channel, cumulativeAmount } = charges[index]!;
      const row = rows.get(channel);
      const one = chargeable(states[i]!, cumulativeAmount, row);
      return one.amount > 0n ? [{ index, row: one.needsRow ? row! : undefined, amount: one.amount }] : [];
    });
    if (due.length === 0) continue;
    const value = due.reduce((sum, { amount }) => sum + amount, 0n);
    const missing = due.flatMap(({ row }) => row ?? []);
    if (missing.length > 0) {
      const settle = await postageChannels.settle.populateTransaction(toHex(concatBytes(...missing)));
      if (!(await sendIfWorth("settle", settle, value, true))) {
        isDone = false;
        continue;
      }
    }
    const proved = provedLeaves(
      tree,
      charges,
      due.map(({ index }) => index),
    );
    const call = await stamps.charge.populateTransaction(report, proved);
    isDone = (await sendIfWorth("charge", call, value, true)) && isDone;
  }
  return isDone;
}

/** What a charge would take, as PostageChannels has it, and whether a voucher has to be settled for it. */
function chargeable(
  { deposited, feesSpent, stampsSpent, stampsSigned }: Omit<ChannelOnChain, "pendingWithdrawal">,
  cumulative: bigint,
  row: Uint8Array | undefined,
): { amount: bigint; needsRow: boolean } {
  const shown = row ? voucherAmounts(row).stamps : 0n;
  const signed = shown > stampsSigned ? shown : stampsSigned;
  const backed = deposited - feesSpent;
  const most = [signed, backed, cumulative].reduce((least, one) => (one < least ? one : least));
  return { amount: most - stampsSpent, needsRow: most > stampsSigned };
}
