import type { Address } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";

export interface ChannelState {
  channel: Address;
  /** The key itself until it has another. */
  owner: Address;
  deposited: bigint;
  feesSpent: bigint;
  stampsSpent: bigint;
  stampsSigned: bigint;
  /** Of the deposit, neither spent nor charged. */
  unspent: bigint;
  pendingWithdrawal: bigint;
  readyAt: bigint;
  stampsFreeAt: bigint;
  exists: boolean;
}

export async function readChannel({ contracts }: Pick<Context, "contracts">, channel: Address): Promise<ChannelState> {
  const [state, owner] = await Promise.all([
    contracts.postageChannels.getChannel(channel),
    contracts.postageChannels.ownerOf(channel),
  ]);
  const { deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal, readyAt, stampsFreeAt } = state;
  return {
    ...{ channel, deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal, readyAt, stampsFreeAt },
    owner: toAddress(owner),
    unspent: deposited - feesSpent - stampsSpent,
    exists: deposited > 0n || feesSpent > 0n || state.withdrawalNonce > 0n,
  };
}

/** The same of a channel that has to have been funded. Throws CommandError `unknown_channel`. */
export async function readFundedChannel(context: Context, channel: Address): Promise<ChannelState> {
  const state = await readChannel(context, channel);
  if (state.exists) return state;
  const problem = `nothing was ever deposited to channel ${channel}`;
  throw new CommandError("unknown_channel", `${problem}: check the address, --deployment and the chain`);
}
