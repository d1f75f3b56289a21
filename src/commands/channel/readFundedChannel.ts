import type { ChannelState } from "../../contracts/readChannel.ts";
import { readChannel } from "../../contracts/readChannel.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";

/** A channel that has to have been funded. Throws CommandError `unknown_channel`. */
export async function readFundedChannel(context: Context, channel: Address): Promise<ChannelState> {
  const state = await readChannel(context.contracts, channel);
  if (state.exists) return state;
  const problem = `nothing was ever deposited to channel ${channel}`;
  throw new CommandError("unknown_channel", `${problem}: check the address, --deployment and the chain`);
}
