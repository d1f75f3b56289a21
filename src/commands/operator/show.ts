import { toAddress } from "../../protocol/bytes.ts";
import { penny, usd } from "../core/amounts.ts";
import { isNobody, ownerOfNode } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import type { Input } from "../core/input.ts";
import type { Report, Row } from "../core/plan.ts";
import { moment } from "../core/time.ts";

const PHASES = ["unknown", "live", "leaving", "left"] as const;

/** Everything about a node that its operator wants to know, and what to do next. */
export async function operatorShow(context: Context, input: Input): Promise<Report> {
  const nodeId = input.nodeId();
  const state = await readNodeState(context, nodeId);
  const { standing, unbondings, claimable, debit, credit, payout, now } = state;
  const stakeRows: Row[] = [
    ["staked", penny(state.stake)],
    ...(state.seatMinimum > 0n ? [["locked by the seat", penny(state.seatMinimum)] as const] : []),
    ...unbondings.map(({ amount, readyAt }): Row => [
      "unbonding",
      `${penny(amount)}, ${readyAt <= now ? "ready now" : `ready ${moment(readyAt, now)}`}`,
    ]),
    ["frozen", state.isFrozen ? "YES: a case against this node is open" : "no"],
  ];
  const moneyRows: Row[] = [
    ["claimable", usd(claimable)],
    ["payout", payout],
    ...(credit > 0n ? [["credited there", `${usd(credit)}, for FeeDistributor.withdrawCredit`] as const] : []),
    ["debit", debit > 0n ? `${usd(debit)}, which earnings pay first` : "none"],
  ];
  return {
    kind: "report",
    title: `Node ${nodeId}: ${standing.words}`,
    sections: [
      {
        rows: [
          ["owner", state.owner],
          ["serves at", state.httpAddress],
          ["epoch", `${state.epoch}, until ${moment((state.epoch + 1n) * state.epochSeconds, now)}`],
        ],
      },
      { heading: "Seat", rows: seatRows(state) },
      { heading: "Stake", rows: stakeRows },
      { heading: "Money", rows: moneyRows },
      {
        heading: "Keys",
        rows: [
          ["signing", state.signer],
          ["attestation", `${state.attestationKey.slice(0, 26)}...`],
        ],
      },
    ],
    notes: nextSteps(nodeId, state),
    data: {
      nodeId,
      owner: state.owner,
      phase: state.phase,
      standing: standing.name,
      httpAddress: state.httpAddress,
      seat: {
        isSeated: state.seatMinimum > 0n,
        isActive: state.isActive,
        isAdmitted: state.isAdmitted,
        minimum: state.seatMinimum,
        price: state.seatPrice,
        jailedUntilEpoch: state.jailedUntil > state.epoch ? state.jailedUntil : null,
        isSuspended: state.isSuspended,
      },
      epoch: state.epoch,
      stake: state.stake,
      unbondings: unbondings.map(({ amount, readyAt }) => ({ amount, readyAt })),
      isFrozen: state.isFrozen,
      claimable,
      debit,
      payout,
      credit,
      keys: { signing: state.signer, attestation: state.attestationKey },
    },
  };
}

type NodeState = Awaited<ReturnType<typeof readNodeState>>;

export async function readNodeState(context: Context, nodeId: number) {
  const { nodeRegistry, nodeSeats, nodeStaking, feeDistributor } = context.contracts;
  const owner = await ownerOfNode(context, nodeId);
  const [node, phase, attestationKey, epochSeconds] = await Promise.all([
    nodeRegistry.getNode(nodeId),
    nodeRegistry.phaseOf(nodeId),
    nodeRegistry.attestationKeyOf(nodeId),
    nodeRegistry.epochSeconds(),
  ]);
  const [epoch, isActive, seatMinimum, price, admission, admitted, jailedUntil, isSuspended, payout] =
    await Promise.all([
      nodeSeats.currentEpoch(),
      nodeSeats.isActive(nodeId),
      nodeSeats.seatMinimumOf(nodeId),
      nodeSeats.seatPrice(),
      nodeSeats.admission(),
      nodeSeats.isAdmitted(nodeId),
      nodeSeats.jailedUntil(nodeId),
      nodeSeats.isSuspended(nodeId),
      nodeSeats.payoutOf(nodeId),
    ]);
  const [stake, unbondings, isFrozen, claimable, debit, credit, now] = await Promise.all([
    nodeStaking.stakeOf(nodeId),
    nodeStaking.unbondingsOf(nodeId),
    nodeStaking.isFrozen(nodeId),
    feeDistributor.claimable(nodeId),
    feeDistributor.debitOf(nodeId),
    isNobody(payout) ? 0n : feeDistributor.creditOf(payout),
    chainNow(context),
  ]);
  const seat = {
    isActive,
    seatMinimum,
    seatPrice: price.needed,
    weakest: price.weakest,
    jailedUntil,
    isSuspended,
    epoch,
  };
  const phaseName = PHASES[Number(phase)] ?? "unknown";
  return {
    ...seat,
    owner,
    phase: phaseName,
    httpAddress: node.httpAddress,
    signer: toAddress(node.signer),
    attestationKey,
    epochSeconds,
    isAdmitted: admission === 1n || admitted,
    payout: toAddress(payout),
    ...{ stake, unbondings, isFrozen, claimable, debit, credit, now },
    standing: standingOf(phaseName, seat),
  };
}

type Seat = Pick<NodeStateSeat, "isActive" | "seatMinimum" | "jailedUntil" | "isSuspended" | "epoch">;
interface NodeStateSeat {
  isActive: boolean;
  seatMinimum: bigint;
  jailedUntil: bigint;
  isSuspended: boolean;
  epoch: bigint;
}

function standingOf(phase: string, { isActive, seatMinimum, jailedUntil, isSuspended, epoch }: Seat) {
  if (phase === "left") return { name: "left", words: "has left" };
  if (phase === "leaving") return { name: "leaving", words: "is leaving, and serves to the end of this epoch" };
  if (isSuspended) return { name: "suspended", words: "SUSPENDED: it owes a debit and earns nothing" };
  if (seatMinimum === 0n) {
    return isActive
      ? { name: "losing_seat", words: "loses its seat at the end of this epoch" }
      : { name: "without_seat", words: "has no seat and earns nothing" };
  }
  if (jailedUntil > epoch) return { name: "jailed", words: "JAILED: it was absent and earns nothing for a while" };
  if (!isActive) return { name: "seat_ahead", words: "has a seat from the next epoch on" };
  return { name: "earning", words: "has a seat and earns" };
}

function seatRows({
  seatMinimum,
  seatPrice,
  weakest,
  jailedUntil,
  epoch,
  isAdmitted,
  epochSeconds,
  now,
}: NodeState): Row[] {
  const price = weakest === 0n ? "one is free" : `the weakest is node ${weakest}`;
  return [
    ["seat", seatMinimum > 0n ? "yes" : "no"],
    ["a seat costs", `${penny(seatPrice)} staked; ${price}`],
    ...(isAdmitted ? [] : [["admitted", "no: governance admits nodes"] as const]),
    ...(jailedUntil > epoch ? [["jailed until", moment(jailedUntil * epochSeconds, now)] as const] : []),
  ];
}

function nextSteps(nodeId: number, state: NodeState): string[] {
  const { phase, isFrozen, debit, seatMinimum, isAdmitted, stake, seatPrice, unbondings, claimable, now } = state;
  const steps: string[] = [];
  if (isFrozen) steps.push("Stop the node and read docs/operators-trouble.md, 'Accused': the stake is frozen.");
  if (debit > 0n) steps.push(`Pay the debit of ${usd(debit)} with FeeDistributor.payDebit, or let earnings pay it.`);
  if (phase === "live" && seatMinimum === 0n && isAdmitted && !isFrozen) {
    const missing = seatPrice > stake ? ` --amount "${penny(seatPrice - stake)}"` : "";
    steps.push(`Take a seat: operator stake ${nodeId}${missing} --take-seat`);
  }
  if (phase === "live" && seatMinimum === 0n && !isAdmitted) steps.push("Ask governance to admit the node.");
  const ready = unbondings.filter(({ readyAt }) => readyAt <= now).reduce((sum, { amount }) => sum + amount, 0n);
  if (ready > 0n && !isFrozen) steps.push(`Withdraw ${penny(ready)}: operator withdraw-stake ${nodeId}`);
  if (claimable > 0n)
    steps.push(`Claim ${usd(claimable)}: operator claim ${nodeId} (the daemon does it when it is worth the gas)`);
  return steps.length > 0 ? steps : ["Nothing to do."];
}
