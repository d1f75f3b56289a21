import { readChannel } from "../../contracts/readChannel.ts";
import type { Address } from "../../protocol/bytes.ts";
import { concatBytes, fromHex, toAddress, toHex } from "../../protocol/bytes.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { PostageDomain, SignedVoucher } from "../../protocol/voucher.ts";
import { VOUCHER_ROW_LENGTH, readVoucher, voucherFromHeader } from "../../protocol/voucher.ts";
import { usd } from "../core/amounts.ts";
import { actingAs, callOf, eventOf } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan, Row } from "../core/plan.ts";

/** Puts vouchers on chain. Anyone may. */
export async function channelSettle(context: Context, input: Input): Promise<Plan> {
  const { record, contracts } = context;
  const { postageChannels } = contracts;
  const account = actingAs(context);
  const address = toAddress(record.contracts.postageChannels.address);
  const domain = { chainId: BigInt(record.chainId), postageChannels: address };
  const texts = input.list("vouchers");
  if (texts.length === 0)
    throw new CommandError("missing_argument", "a voucher is missing: give its row or its header");
  const vouchers = texts.flatMap((text) => readVouchers(domain, text));
  const collects = await collectedOf(context, vouchers);
  const total = [...collects.values()].reduce((sum, amount) => sum + amount, 0n);
  const { bountyBps, bountyCap } = await postageChannels.parameters();
  const rows = toHex(concatBytes(...vouchers.map(({ row }) => row)));
  const problems: CommandError[] = [];
  if (total === 0n) {
    const problem =
      "these vouchers collect nothing: larger ones were settled, or their channels are empty or unknown here";
    problems.push(new CommandError("nothing_to_do", `${problem}: look with \`channel show\``));
  }
  return {
    kind: "plan",
    account,
    summary: `Puts ${vouchers.length === 1 ? "a voucher" : `${vouchers.length} vouchers`} on chain, which ${vouchers.length === 1 ? "collects" : "collect"} ${usd(total)} for the nodes.`,
    facts: [...collects].map(([channel, amount]): Row => [channel, `collects ${usd(amount)}`]),
    steps: [
      {
        description: `Settle ${vouchers.length} of ${VOUCHER_ROW_LENGTH} bytes each`.replace(
          "Settle 1 of 80 bytes each",
          "Settle one voucher",
        ),
        call: callOf(address, postageChannels.interface, "settle", [rows]),
      },
    ],
    risks: [
      "Somebody may settle the same voucher first: then this collects nothing and costs its gas.",
      `The settler's bounty is ${Number(bountyBps) / 100} % of a row and at most ${usd(bountyCap)}: it may be less than the gas.`,
    ],
    moneyBack:
      "Settled fees do not come back to the payer. The bounty is credited: take it with PostageChannels.withdrawCredit.",
    problems,
    data: {
      vouchers: vouchers.length,
      collects: total,
      channels: [...collects].map(([channel, amount]) => ({ channel, amount })),
    },
    outcome: async (mined) => {
      const settled = eventOf(mined, { address, abi: postageChannels.interface }, "Settled");
      const collected = (settled?.collected as bigint | undefined) ?? 0n;
      const bounty = (settled?.bounty as bigint | undefined) ?? 0n;
      const text = `${usd(collected)} collected, of which ${usd(bounty)} are credited to ${account}.`;
      return { text, data: { collected, bounty } };
    },
  };
}

/** A row or several in hex, or a header. Throws CommandError `bad_voucher`. */
function readVouchers(domain: PostageDomain, text: string): SignedVoucher[] {
  try {
    if (!/^0x([0-9a-fA-F]{2})+$/.test(text)) return [readVoucher(domain, voucherFromHeader(text))];
    const bytes = fromHex(text);
    const count = Math.ceil(bytes.length / VOUCHER_ROW_LENGTH);
    return Array.from({ length: count }, (_, i) =>
      readVoucher(domain, bytes.subarray(i * VOUCHER_ROW_LENGTH, (i + 1) * VOUCHER_ROW_LENGTH)),
    );
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const form = "a row is 0x and 160 hex digits, a header 107 characters of base64url";
    throw new CommandError("bad_voucher", `${error.message}: ${form}`, { cause: error });
  }
}

/** What each channel would pay, as PostageChannels.settle works it out. */
async function collectedOf(context: Context, vouchers: readonly SignedVoucher[]): Promise<Map<Address, bigint>> {
  const collects = new Map<Address, bigint>();
  for (const channel of new Set(vouchers.map((voucher) => voucher.channel))) {
    const { deposited, feesSpent, stampsSpent } = await readChannel(context.contracts, channel);
    const backed = deposited - stampsSpent;
    const signed = vouchers.filter((voucher) => voucher.channel === channel).map(({ fees }) => fees);
    const most = signed.reduce((a, b) => (a > b ? a : b));
    const fees = most < backed ? most : backed;
    collects.set(channel, fees > feesSpent ? fees - feesSpent : 0n);
  }
  return collects;
}
