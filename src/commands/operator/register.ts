import { join } from "node:path";

import { nodeRegistration } from "../../contracts/nodeRegistration.ts";
import { toAddress } from "../../protocol/bytes.ts";
import { addressOf } from "../../protocol/ecdsa.ts";
import { PENNY, penny } from "../core/amounts.ts";
import { actingAs, callOf, eventOf, requiredEvent, spending } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import { readSecret } from "../core/input.ts";
import type { Plan } from "../core/plan.ts";
import { duration, moment } from "../core/time.ts";
import { KEY_FILES } from "./keys.ts";
import { nodeConfigFile, parseHttpAddress } from "./nodeConfig.ts";

/** Registers a node with the keys in a directory, and posts the minimum stake. */
export async function operatorRegister(context: Context, input: Input): Promise<Plan> {
  const { record, contracts } = context;
  const { nodeRegistry, nodeSeats, nodeStaking } = contracts;
  const account = actingAs(context);
  const httpAddress = parseHttpAddress(input.text("httpAddress"));
  const payout = input.optionalAddress("payout") ?? account;
  const config = nodeConfigFile(context, input, httpAddress);
  const directory = input.text("directory");
  const signingKey = readSecret(join(directory, KEY_FILES.signing), "node");
  const attestationKey = readSecret(join(directory, KEY_FILES.attestation), "node");
  const registration = nodeRegistration(record, { owner: account, signingKey, attestationKey, httpAddress, payout });
  const signer = addressOf(signingKey);

  const stake = await nodeStaking.minimumStake();
  const taken = await nodeRegistry.nodeOf(signer);
  const seat = await seatOutlook(context, stake);
  const unbonding = duration(await nodeStaking.unbondingSeconds());
  const { steps, problems, balance } = await spending(context, account, {
    ...{ token: toAddress(record.contracts.postageToken.address), unit: PENNY, amount: stake },
    spender: toAddress(record.contracts.nodeStaking.address),
    spenderName: "NodeStaking",
  });
  if (taken !== 0n) {
    const problem = `the signing key ${signer} is node ${taken}'s already`;
    problems.unshift(new CommandError("key_taken", `${problem}: make other keys with \`operator keys\``));
  }
  const register = callOf(record.contracts.nodeRegistry.address, nodeRegistry.interface, "register", [registration]);
  return {
    kind: "plan",
    account,
    summary: `Registers a new node that ${account} owns, and posts its stake of ${penny(stake)} from that account.`,
    facts: [
      ["stake", `${penny(stake)} of ${penny(balance)} that the account has`],
      ["serves at", httpAddress],
      ["signing key", signer],
      ["earnings go to", payout],
      ["seat", seat.words],
      ...(config ? [["config", `${config.path} will be written`] as const] : []),
    ],
    steps: [...steps, { description: `Register the node; ${penny(stake)} move to NodeStaking`, call: register }],
    risks: [
      "Two envelopes signed for one sequence id cost 1 % of the stake the first time and 10 % each later time: never run two nodes with one signing key, never restore an old database.",
      "A key that also serves another network convicts its node of honest work.",
      seat.risk,
    ],
    moneyBack: `The stake is yours ${unbonding} after the node has stopped serving: \`operator exit\`, then \`operator withdraw-stake\`. Until then it can be slashed. Earnings can be claimed any time.`,
    problems,
    data: { stake, signer, payout, httpAddress },
    outcome: async (mined) => {
      const registry = { address: record.contracts.nodeRegistry.address, abi: nodeRegistry.interface };
      const nodeId = Number(requiredEvent(mined, registry, "NodeRegistered").nodeId);
      const seats = { address: record.contracts.nodeSeats.address, abi: nodeSeats.interface };
      const epoch = eventOf(mined, seats, "SeatTaken")?.epoch as bigint | undefined;
      config?.write(nodeId);
      const startsAt = epoch === undefined ? undefined : epoch * (await nodeRegistry.epochSeconds());
      const now = await chainNow(context);
      const seated = startsAt
        ? `Its seat begins ${moment(startsAt, now)}.`
        : `It has no seat yet: \`operator show ${nodeId}\` says what one costs.`;
      const next = config ? `Run it: pennyblack node --config ${config.path}` : "Write its node.json and run it.";
      return {
        text: `Node ${nodeId} is registered. ${seated}\n${next}`,
        data: { nodeId, owner: account, stake, signer, seatStartsAt: startsAt ?? null, config: config?.path ?? null },
      };
    },
  };
}

/** Whether a new node with the minimum stake gets a seat at once. */
async function seatOutlook({ contracts }: Context, stake: bigint): Promise<{ words: string; risk: string }> {
  const [{ needed, weakest }, admission] = await Promise.all([
    contracts.nodeSeats.seatPrice(),
    contracts.nodeSeats.admission(),
  ]);
  if (admission === 0n) {
    return {
      words: "none before governance admits the node",
      risk: "Governance may never admit the node: without a seat it earns nothing.",
    };
  }
  if (weakest === 0n) {
    return {
      words: "a free one, from the next epoch on",
      risk: "Whoever stakes more may take the seat of the weakest node: then this one earns nothing until it has a seat again.",
    };
  }
  return {
    words: `none is free; one costs ${penny(needed)} staked (\`operator stake --take-seat\`)`,
    risk: `All seats are taken: until ${penny(needed - stake)} more are staked and a seat is taken, the node earns nothing.`,
  };
}
