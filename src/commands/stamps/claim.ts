import type { Pot } from "../../contracts/readPot.ts";
import { partOfPot, readPot } from "../../contracts/readPot.ts";
import { payoutFields } from "../../protocol/report/leaves.ts";
import { TreeTag, rootOfProof } from "../../protocol/report/tree.ts";
import { usd } from "../core/amounts.ts";
import { actingAs, callOf } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import type { Plan, Row } from "../core/plan.ts";
import type { Mined } from "../core/sender.ts";
import { moment } from "../core/time.ts";
import type { ProvedPayout } from "./payoutFiles.ts";
import { parseDigest, readPayouts } from "./payoutFiles.ts";

/** Pays payouts of a report to their accounts. Anyone may. */
export async function stampsClaim(context: Context, input: Input): Promise<Plan> {
  const { stamps } = context.contracts;
  const digest = parseDigest(input.text("report"));
  const payouts = readPayouts(input.list("payouts"));
  const account = actingAs(context);
  const [pot, now, address] = await Promise.all([readPot(stamps, digest), chainNow(context), stamps.getAddress()]);
  const paid = await Promise.all(payouts.map(({ proof }) => stamps.isClaimed(digest, proof.index)));
  const open = payouts.filter((_, i) => !paid[i]);
  const parts = open.map(({ leaf, proof }) => partOfPot(pot, leaf.amount, proof.total));
  const amount = parts.reduce((sum, part) => sum + part, 0n);
  const proofs = open.map(({ leaf, proof }) => ({ ...leaf, path: proof }));
  const [first] = proofs;
  const isOne = proofs.length === 1;
  const args = isOne ? [digest, first!.account, first!.amount, first!.path] : [digest, proofs];
  return {
    kind: "plan",
    account,
    summary: `Pays ${usd(amount)} for stamps of report ${digest} to ${isOne ? first!.account : `${open.length} accounts`}.`,
    facts: [
      ...open.map(({ leaf }, i): Row => [leaf.account, `${usd(parts[i]!)} of ${usd(leaf.amount)}`]),
      ...(open.length < payouts.length ? [["paid before", String(payouts.length - open.length)] as const] : []),
      ["pot", `${usd(pot.most)}, of which ${usd(pot.paid)} were paid`],
    ],
    steps: [
      {
        description: `Claim ${usd(amount)}; anyone may send this`,
        call: callOf(address, stamps.interface, isOne ? "claim" : "claimMany", args),
      },
    ],
    risks: [
      "The account that signs pays the gas, and the money goes to the payouts' accounts whoever signs.",
      "A pot that is short pays every payout the same part of what the report says.",
      "An account that refuses the transfer is credited instead and takes it with Stamps.withdrawCredit.",
    ],
    moneyBack: "At once.",
    problems: problemsOf(pot, { payouts, open, now, digest }),
    data: { digest, amount, payouts: open.map(({ leaf }, i) => ({ ...leaf, part: parts[i] })) },
    outcome: async (mined) => outcomeOf(mined, { address, abi: stamps.interface }),
  };
}

interface Asked {
  payouts: readonly ProvedPayout[];
  open: readonly ProvedPayout[];
  now: bigint;
  digest: string;
}

function problemsOf(pot: Pot, { payouts, open, now, digest }: Asked): CommandError[] {
  const { finalAt, fixedAt, claimableUntil, payoutsRoot } = pot;
  const refused = (code: "bad_file" | "wrong_state" | "too_early" | "too_late" | "nothing_to_do", problem: string) => [
    new CommandError(code, problem, { args: { digest } }),
  ];
  if (payouts.length === 0) return refused("bad_file", "the files hold no payout: ask a daemon for the report's");
  if (finalAt === 0n)
    return refused("wrong_state", `nothing was charged under this report in time: \`stamps show ${digest}\` says more`);
  if (now < fixedAt) return refused("too_early", `the pot is fixed ${moment(fixedAt, now)}: run this again then`);
  if (now >= claimableUntil)
    return refused("too_late", `payouts were paid until ${moment(claimableUntil, now)}: the rest is the treasury's`);
  const foreign = payouts.find(
    ({ leaf, proof }) => rootOfProof(TreeTag.payouts, payoutFields(leaf), proof) !== payoutsRoot,
  );
  if (foreign) {
    const problem = `the payout of ${usd(foreign.leaf.amount)} to ${foreign.leaf.account} is not in this report`;
    return refused("bad_file", `${problem}: ask a daemon again, for this digest`);
  }
  return open.length === 0 ? refused("nothing_to_do", "everything in the files was paid: there is nothing to do") : [];
}

function outcomeOf(mined: readonly Mined[], { address, abi }: { address: string; abi: Parameters<typeof callOf>[1] }) {
  const claims = mined
    .flatMap(({ logs }) => logs)
    .filter((log) => log.address.toLowerCase() === address.toLowerCase())
    .map((log) => abi.parseLog({ topics: [...log.topics], data: log.data }))
    .filter((event) => event?.name === "Claimed")
    .map((event) => event!.args as unknown as { account: string; amount: bigint; credited: boolean });
  const amount = claims.reduce((sum, claim) => sum + claim.amount, 0n);
  const refusing = claims.filter(({ credited }) => credited).map((claim) => claim.account);
  const kept = refusing.length > 0 ? ` Credited, because the transfer was refused: ${refusing.join(", ")}.` : "";
  return { text: `${usd(amount)} paid for ${claims.length} payouts.${kept}`, data: { amount, credited: refusing } };
}
