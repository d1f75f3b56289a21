import { postageDomain } from "../../contracts/domains.ts";
import { readChannel } from "../../contracts/readChannel.ts";
import { toHex } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { signVoucher, voucherToHeader } from "../../protocol/voucher.ts";
import { USD, usd } from "../core/amounts.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Report, Row } from "../core/plan.ts";
import { json } from "../core/print.ts";
import { readPostageKey } from "./owner.ts";

/** Signs a voucher: what the channel owes in all, fees and stamps since it began. */
export async function channelSignVoucher(
  context: Context,
  input: Input,
  { dryRun, unsigned }: { dryRun: boolean; unsigned: boolean },
): Promise<Report> {
  const { record } = context;
  const fees = input.amount("fees", USD);
  const postageKeyFile = input.optional("postageKey");
  const canDoWithout = dryRun || unsigned;
  const key = postageKeyFile || !canDoWithout ? await readPostageKey(input) : undefined;
  const channel = key ? addressOf(key) : input.address("channel");
  const named = input.optionalAddress("channel");
  if (named && named !== channel) {
    throw new CommandError("wrong_key", `the key in ${postageKeyFile} is of channel ${channel}, not of ${named}`);
  }
  const state = await readChannel(context.contracts, channel);
  // Stamps stay what they were signed for: a voucher can raise them, and never lower them.
  const stamps = input.optionalAmount("stamps", USD) ?? state.stampsSigned;
  const domain = postageDomain(record);
  const rows: Row[] = [
    ["channel", channel],
    ["fees in all", usd(fees)],
    ["settled before", usd(state.feesSpent)],
    ["stamps in all", usd(stamps)],
    ["deposit", usd(state.deposited)],
  ];
  const notes = warnings(fees, state);
  const about = { channel, fees, stamps, feesSpent: state.feesSpent, deposited: state.deposited };
  if (unsigned) {
    const typedData = voucherTypedData(domain, { fees, stamps });
    const note = "Sign it with the postage key (EIP-712); a compact signature behind the amounts makes the row.";
    const title = "To be signed by the postage key:";
    return {
      kind: "report",
      title,
      sections: [{ rows }],
      notes: [note, ...notes],
      file: json(typedData),
      data: { ...about, typedData },
    };
  }
  if (dryRun) {
    const title = `Dry run: nothing is signed. The voucher would let nodes collect ${usd(fees)} in all.`;
    const words = "Whoever has it can put it on chain, any time; it cannot be taken back.";
    return {
      kind: "report",
      title,
      sections: [{ rows: [...rows] }],
      notes: [words, ...notes],
      data: { ...about, dryRun },
    };
  }
  const row = signVoucher(domain, { fees, stamps }, key!);
  return {
    kind: "report",
    title: `Voucher of channel ${channel} for ${usd(fees)} in all.`,
    sections: [{ rows: [...rows, ["row", toHex(row)], ["header", voucherToHeader(row)]] }],
    notes,
    data: { ...about, row: toHex(row), header: voucherToHeader(row) },
  };
}

function warnings(
  fees: bigint,
  { feesSpent, deposited, stampsSpent, unspent }: Awaited<ReturnType<typeof readChannel>>,
) {
  if (fees <= feesSpent)
    return [`It changes nothing: ${usd(feesSpent)} were settled before, and vouchers count from the beginning.`];
  if (fees > deposited - stampsSpent) {
    return [
      `It is larger than what the deposit backs: nodes collect ${usd(unspent)} of it now and the rest after a deposit.`,
    ];
  }
  return [`Settling it collects ${usd(fees - feesSpent)}.`];
}

/** What another signer signs. */
export function voucherTypedData(
  { chainId, postageChannels }: { chainId: bigint; postageChannels: string },
  { fees, stamps }: { fees: bigint; stamps: bigint },
): object {
  return {
    domain: { name: "Pennyblack Postage", version: "1", chainId, verifyingContract: postageChannels },
    primaryType: "Voucher",
    types: {
      Voucher: [
        { name: "fees", type: "uint64" },
        { name: "stamps", type: "uint64" },
      ],
    },
    message: { fees, stamps },
  };
}
