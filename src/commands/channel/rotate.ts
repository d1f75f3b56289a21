import { readChannel } from "../../contracts/readChannel.ts";
import { toAddress } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { USD, usd } from "../core/amounts.ts";
import { actingAs, callOf, spending } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan, Step } from "../core/plan.ts";
import { duration } from "../core/time.ts";
import { ownerStep, readPostageKey } from "./owner.ts";

/**
 * Opens the next channel of a payer whose postage key is to be replaced: funds it and gives it the old one's owner. What is done
 * already is left out, so that it can be run again.
 */
export async function channelRotate(context: Context, input: Input): Promise<Plan> {
  const { contracts, record } = context;
  const { postageChannels } = contracts;
  const old = input.address("channel");
  const amount = input.amount("amount", USD);
  const account = actingAs(context);
  const key = await readPostageKey(input);
  const next = addressOf(key);
  if (next === old) {
    throw new CommandError(
      "wrong_key",
      `that is the key of channel ${old} itself: make another one with \`channel key\``,
    );
  }
  const [before, state, parameters] = await Promise.all([
    readChannel(contracts, old),
    readChannel(contracts, next),
    postageChannels.parameters(),
  ]);
  if (!before.exists) throw new CommandError("unknown_channel", `there is no channel ${old}: check the address`);
  const owner = input.optionalAddress("owner") ?? (before.owner === old ? account : before.owner);
  const address = toAddress(record.contracts.postageChannels.address);
  const steps: Step[] = [];
  const problems: CommandError[] = [];
  if (state.deposited < amount) {
    const missing = amount - state.deposited;
    const token = { token: toAddress(record.token), unit: USD, spender: address, spenderName: "PostageChannels" };
    const paying = await spending(context, account, { ...token, amount: missing });
    problems.push(...paying.problems);
    const call = callOf(address, postageChannels.interface, "deposit", [next, missing]);
    steps.push(...paying.steps, { description: `Deposit ${usd(missing)} to channel ${next}`, call });
  }
  if (amount < parameters.minimumDeposit) {
    const least = `a channel's first deposit is ${usd(parameters.minimumDeposit)} at least`;
    problems.push(new CommandError("bad_amount", `${least}, this is ${usd(amount)}: deposit more`));
  }
  if (state.owner !== owner) steps.push(await ownerStep(context, { key, owner }));
  if (steps.length === 0) {
    throw new CommandError(
      "nothing_to_do",
      `channel ${next} has ${usd(state.deposited)} and the owner ${owner} already`,
    );
  }
  return {
    kind: "plan",
    account,
    summary: `Opens channel ${next} as the next one of ${old}: with ${usd(amount)}, and ${owner} as its owner.`,
    facts: [
      ["channel now", `${old}\n${usd(before.unspent)} unspent`],
      ["next channel", `${next}\n${usd(state.deposited)} deposited`],
      ["its owner", owner],
    ],
    steps,
    risks: [
      "Both channels are good until the old one is empty: whoever has its key can spend what is in it on postage.",
      "Until its owner is assigned, the new key owns itself, and whoever has it can withdraw.",
    ],
    moneyBack: `What is unspent in either, whatever nodes do: its owner asks and withdraws ${duration(parameters.withdrawalDelaySeconds)} later.`,
    problems,
    data: { channel: old, next, amount, owner },
    outcome: async () => {
      const { deposited, owner: has } = await readChannel(contracts, next);
      const text =
        `Channel ${next} has ${usd(deposited)} and the owner ${has}. Now name its key in gateway.json and restart the gateway; ` +
        `an hour later ask for what is left in the old one: channel request-withdrawal ${old} --amount all.`;
      return { text, data: { channel: old, next, deposited, owner: has } };
    },
  };
}
