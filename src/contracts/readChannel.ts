import type { Address } from "../protocol/bytes.ts";
import { toAddress } from "../protocol/bytes.ts";
import type { Contracts } from "./connectContracts.ts";

/** A channel on chain. Amounts are base units, instants unix seconds. */
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

export async function readChannel(
  { postageChannels }: Pick<Contracts, "postageChannels">,
  channel: Address,
): Promise<ChannelState> {
  const [state, owner] = await Promise.all([postageChannels.getChannel(channel), postageChannels.ownerOf(channel)]);
  const { deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal, readyAt, stampsFreeAt } = state;
  return {
    ...{ channel, deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal, readyAt, stampsFreeAt },
    owner: toAddress(owner),
    unspent: deposited - feesSpent - stampsSpent,
    exists: deposited > 0n || feesSpent > 0n || state.withdrawalNonce > 0n,
  };
}
