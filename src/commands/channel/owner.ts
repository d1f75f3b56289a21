import { Signature } from "ethers";

import { KeyFileError } from "../../platform/keyFile.ts";
import { readLocalKey } from "../../platform/keys/keySource.ts";
import type { Address } from "../../protocol/bytes.ts";
import { fromHex, toAddress, toHex } from "../../protocol/bytes.ts";
import { addressOf, signDigest } from "../../protocol/ecdsa.ts";
import { usd } from "../core/amounts.ts";
import { actingAs, callOf } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import { readSecret } from "../core/input.ts";
import type { Plan, Step } from "../core/plan.ts";
import { readFundedChannel } from "./readFundedChannel.ts";

/** How long a key's word for its owner holds. */
const VALID_SECONDS = 86_400n;

/** Gives a channel an owner other than its own key; from then on only that one withdraws. */
export async function channelAssignOwner(context: Context, input: Input): Promise<Plan> {
  const channel = input.address("channel");
  const owner = input.address("owner");
  const account = actingAs(context);
  const key = await readPostageKey(input);
  if (addressOf(key) !== channel) {
    throw new CommandError("wrong_key", `that is the key of channel ${addressOf(key)}, not of ${channel}`);
  }
  const state = await readFundedChannel(context, channel);
  if (state.owner === owner) throw new CommandError("nothing_to_do", `${owner} is the owner of ${channel} already`);
  const problems: CommandError[] = [];
  if (state.owner !== channel) {
    const problem = `channel ${channel} has the owner ${state.owner}, who alone can hand it on`;
    problems.push(new CommandError("not_owner", `${problem}: PostageChannels.handOn`));
  }
  return {
    kind: "plan",
    account,
    summary: `Makes ${owner} the owner of channel ${channel}.`,
    facts: [["unspent", usd(state.unspent)]],
    steps: [await ownerStep(context, { key, owner })],
    risks: [
      "Only this owner can withdraw from then on, and nobody can take that back: check the address.",
      "The postage key goes on spending on postage.",
    ],
    moneyBack: `The owner's, whenever it asks: channel request-withdrawal ${channel}.`,
    problems,
    data: { channel, owner },
    outcome: async () => ({ text: `${owner} owns channel ${channel}.`, data: { channel, owner } }),
  };
}

/** A keystore where a password is named, otherwise a file of hex. Throws CommandError `bad_key_file`. */
export async function readPostageKey(input: Input): Promise<Uint8Array> {
  const file = input.text("postageKey");
  const passwordFile = input.optional("passwordFile");
  if (passwordFile === undefined) return readSecret(file, "postage");
  try {
    return await readLocalKey({ keystoreFile: file, passwordFile }, {});
  } catch (cause) {
    if (!(cause instanceof KeyFileError)) throw cause;
    throw new CommandError("bad_key_file", cause.message, { cause });
  }
}

/** The postage key signs, and whoever acts pays gas. */
export async function ownerStep(context: Context, { key, owner }: { key: Uint8Array; owner: Address }): Promise<Step> {
  const { contracts, record } = context;
  const { postageChannels } = contracts;
  const channel = addressOf(key);
  const deadline = (await chainNow(context)) + VALID_SECONDS;
  const digest = await postageChannels.assignOwnerDigest(owner, deadline);
  const { r, yParityAndS } = Signature.from(toHex(signDigest(fromHex(digest), key)));
  const address = toAddress(record.contracts.postageChannels.address);
  const values = [channel, owner, deadline, r, yParityAndS];
  const call = callOf(address, postageChannels.interface, "assignOwner", values);
  return { description: `Make ${owner} the owner of channel ${channel}`, call };
}
