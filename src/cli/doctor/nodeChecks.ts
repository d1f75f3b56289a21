import { penny } from "../../commands/core/amounts.ts";
import type { readNodeState } from "../../commands/operator/show.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { Found } from "./finding.ts";
import { fail, ok, warn } from "./finding.ts";

export type NodeState = Awaited<ReturnType<typeof readNodeState>>;

/** Whether the node is in the registry, with the key that it signs with. */
export function checkRegistration({ phase, signer, httpAddress }: NodeState, signing: Address | undefined): Found {
  if (phase !== "live") return fail(`the registry says that the node is ${phase}`, "register another node to go on");
  if (signing !== undefined && signing !== signer) {
    const says = `the registry has signing key ${signer}, the settings ${signing}`;
    return fail(says, "name the registered key's file, or rotate: pennyblack operator rotate-key");
  }
  return ok(`registered at ${httpAddress}, signing key ${signer}`);
}

export function checkSeat(nodeId: number, { standing, isFrozen }: NodeState): Found {
  if (isFrozen)
    return fail("the stake is FROZEN: a case against this node is open", "docs/operators-trouble.md, 'Accused'");
  const says = `the node ${standing.words}`;
  const show = `pennyblack operator show ${nodeId} says what to do`;
  if (standing.name === "earning") return ok(says);
  return standing.name === "seat_ahead" ? warn(says, "nothing: wait") : fail(says, show);
}

/** Whether the stake is the seat's, and whether somebody could take the seat with little more. */
export function checkStake(nodeId: number, { stake, seatMinimum, weakest, seatPrice }: NodeState): Found {
  const says = `${penny(stake)} staked`;
  if (seatMinimum === 0n) {
    return fail(
      `${says}, and no seat`,
      `pennyblack operator stake ${nodeId} --take-seat (a seat costs ${penny(seatPrice)})`,
    );
  }
  if (weakest !== BigInt(nodeId)) return ok(says);
  const fix = `pennyblack operator stake ${nodeId} --amount: the seat with the least stake is the one that is taken`;
  return warn(`${says}, the least of all seats, which are all taken`, fix);
}
