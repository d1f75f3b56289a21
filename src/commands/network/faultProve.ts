import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";

import type { Contracts } from "../../contracts/connectContracts.ts";
import type { FaultEvidence, FoundFault, ReportExhibit } from "../../contracts/faultEvidence.ts";
import {
  FAULTS,
  MOST_WALKED,
  REVEAL_AFTER_SECONDS,
  REVEAL_UNTIL_SECONDS,
  faultEvidence,
  faultIn,
} from "../../contracts/faultEvidence.ts";
import { readContradicts } from "../../contracts/readContradicts.ts";
import { writeKeyFile } from "../../platform/keyFile.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toAddress, toHex } from "../../protocol/bytes.ts";
import { penny } from "../core/amounts.ts";
import { actingAs, eventOf } from "../core/checks.ts";
import type { Context } from "../core/context.ts";
import { chainNow } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Input } from "../core/input.ts";
import { readSecret } from "../core/input.ts";
import type { Plan, Step } from "../core/plan.ts";
import type { Mined } from "../core/sender.ts";
import { duration, moment } from "../core/time.ts";
import { readExhibits } from "./evidenceFiles.ts";

/** A case's status in FaultProofs. */
const OPEN = 1n;
const REVEAL_AFTER = Number(REVEAL_AFTER_SECONDS);
/** Blocks may be a little behind. */
const MARGIN_SECONDS = 2;
const WORDS = {
  equivocation: "gave one sequence id to two messages",
  wrongTarget: "signed what was meant for another node",
  contradictedReceipt: "gave a receipt that a report contradicts which it attested itself",
};

/** Brings evidence against a node to the chain: commits to it, and reveals it a minute later. */
export async function faultProve(context: Context, input: Input): Promise<Plan> {
  const { faultProofs, nodeStaking } = context.contracts;
  const account = actingAs(context);
  const files = [input.text("first"), input.optional("second")].filter((file) => file !== undefined);
  const { envelopes, contradiction } = readExhibits(files);
  const found = faultIn(envelopes, contradiction);
  if (!found) {
    const rule =
      "two envelopes of one sequence id have to differ in payer envelope or time, or one has to be for another node, or " +
      "come with the report that contradicts it";
    throw new CommandError("bad_evidence", `this convicts nobody: ${rule} (expiry and fee do not count)`);
  }
  const saltFile = input.optional("saltFile") ?? `${files[0]}.salt`;
  const { nodeId, sequenceId } = found;
  const salt = saltOf(saltFile, input.flag("dryRun"));
  const evidence = faultEvidence(envelopes, { reporter: account, salt, contradiction })!;
  const now = await chainNow(context);
  const committedAt = await faultProofs.committedAt(evidence.commitment);
  const [slashable, appealSeconds] = await Promise.all([nodeStaking.slashableOf(nodeId), faultProofs.appealSeconds()]);
  const shareBps = await shareOf(context, found);
  const slashed = (slashable * shareBps) / 10_000n;
  return {
    kind: "plan",
    account,
    summary: `Proves that node ${nodeId} ${WORDS[found.fault]} (sequence id ${sequenceId}). Its stake is frozen by the reveal, and ${penny(slashed)} of it are slashed after the appeal.`,
    facts: [
      ["evidence", files.join(", ")],
      ...(contradiction ? [["report", contradiction.report] as const] : []),
      ["signed by", found.signers.join(", ")],
      ["could be slashed", `${penny(slashed)}, of which ${penny(slashed / 5n)} are the reporter's`],
      ["salt", `${saltFile}: keep it until the reveal`],
    ],
    steps: stepsOf(await faultProofs.getAddress(), evidence, { committedAt, now }),
    risks: [
      "Somebody may report the same message first: then the reveal is refused and its gas is lost.",
      "The guardian can dismiss the case: then nothing is paid.",
      "Do not report your own node with another account: the bounty is a fifth of what you lose.",
    ],
    moneyBack: `The bounty can be withdrawn (NodeStaking.withdrawCredit) when the appeal of ${duration(appealSeconds)} is over and anybody has called FaultProofs.execute with the case. The stake that is slashed is not yours and does not come back.`,
    problems: await problemsOf(context, evidence, { found, contradiction, committedAt, now, saltFile }),
    data: { nodeId, sequenceId, fault: found.fault, commitment: evidence.commitment, slashed, saltFile },
    outcome: async (mined) => outcomeOf(context, mined, { nodeId, sequenceId, now }),
  };
}

interface Timing {
  /** 0 when it is not committed to yet. */
  committedAt: bigint;
  now: bigint;
}

function stepsOf(address: string, evidence: FaultEvidence, { committedAt, now }: Timing): Step[] {
  const to = toAddress(address);
  const { pieces } = evidence;
  const isCommitted = committedAt > 0n;
  const commit: Step = {
    description: "Commit to the evidence: a hash that says nothing, and makes you the first",
    call: { to, data: evidence.commitData, value: 0n },
  };
  const deploys = pieces.flat().map((data, i, all): Step => ({
    description: `Put piece ${i + 1} of ${all.length} of a large envelope on chain`,
    call: { to: null, data, value: 0n },
  }));
  const before = isCommitted ? 0 : 1;
  const waited = isCommitted ? Number(now - committedAt) : 0;
  const reveal: Step = {
    description: "Reveal the evidence, a minute to a day after the commitment: opens the case and freezes the stake",
    call:
      deploys.length === 0
        ? { to, data: evidence.revealData(), value: 0n }
        : (mined) => ({ to, data: evidence.revealData(addressesOf(pieces, mined.slice(before))), value: 0n }),
    canSimulate: isCommitted && waited >= REVEAL_AFTER && deploys.length === 0,
    afterSeconds: Math.max(0, REVEAL_AFTER + MARGIN_SECONDS - waited),
  };
  return [...(isCommitted ? [] : [commit]), ...deploys, reveal];
}

/** The addresses of deployed pieces, per envelope. */
function addressesOf(pieces: Hex[][], deployed: readonly Mined[]): Address[][] {
  const addresses = deployed.map(({ contractAddress }) => toAddress(contractAddress!));
  return pieces.map((own) => addresses.splice(0, own.length));
}

/** The salt of a report that was begun, or a new one, written down before anything is sent. */
function saltOf(file: string, isDryRun: boolean): Hex {
  if (existsSync(file)) return toHex(readSecret(file, "salt"));
  const salt = toHex(randomBytes(32));
  if (!isDryRun) writeKeyFile(file, salt);
  return salt;
}

async function shareOf({ contracts }: Context, { fault, nodeId }: { fault: string; nodeId: number }): Promise<bigint> {
  if (fault === "contradictedReceipt") return 2_000n;
  if (fault === "wrongTarget") return 1_000n;
  return (await contracts.faultProofs.equivocationsOf(nodeId)) === 0n ? 100n : 1_000n;
}

async function problemsOf(
  { contracts }: Context,
  { commitment }: FaultEvidence,
  at: Timing & { found: FoundFault; contradiction: ReportExhibit | undefined; saltFile: string },
): Promise<CommandError[]> {
  const { found, contradiction, committedAt, now, saltFile } = at;
  const { nodeId, sequenceId, signers } = found;
  const problems: CommandError[] = [];
  for (const signer of signers) {
    const { known, retiredAt, takenUntil } = await contracts.nodeRegistry.keyOf(
      nodeId,
      signer ?? `0x${"00".repeat(20)}`,
    );
    if (!known) {
      const problem = `${signer ?? "nobody"} signed, which is not and was not node ${nodeId}'s key`;
      problems.push(new CommandError("bad_evidence", `${problem}: check that the evidence is of this network`));
    } else if (retiredAt > 0n && now >= takenUntil) {
      const problem = `the key ${signer} was retired, and evidence under it was taken until ${moment(takenUntil, now)}`;
      problems.push(new CommandError("too_late", `${problem}: nothing can be done`));
    }
  }
  if (found.walked > MOST_WALKED) {
    problems.push(
      new CommandError(
        "bad_evidence",
        "the envelopes are built so that the chain cannot read them within its gas: keep them, and tell the guardian",
      ),
    );
  }
  if (contradiction && !(await readContradicts(contracts.epochReports, { ...found, ...contradiction }))) {
    const problem = `EpochReports does not see report ${contradiction.report} contradict the receipt`;
    problems.push(
      new CommandError("bad_evidence", `${problem}: it has to be final, signed by node ${nodeId}, and cover its place`),
    );
  }
  const caseId = await contracts.faultProofs.caseOf(nodeId, sequenceId);
  if (caseId !== 0n && !(await isRaised(contracts, caseId, found))) {
    const problem = `message ${sequenceId} of node ${nodeId} is case ${caseId} already`;
    problems.push(new CommandError("nothing_to_do", `${problem}: one case per message`));
  }
  if (committedAt > 0n && now > committedAt + REVEAL_UNTIL_SECONDS) {
    const problem = `the commitment ${commitment.slice(0, 18)}... is older than a day`;
    problems.push(new CommandError("too_late", `${problem}: remove ${saltFile} and start again`));
  }
  return problems;
}

/** An open case of a lighter fault becomes one of this fault. */
async function isRaised({ faultProofs }: Contracts, caseId: bigint, { fault }: FoundFault): Promise<boolean> {
  const known = await faultProofs.getCase(caseId);
  return known.status === OPEN && BigInt(FAULTS[fault]) > known.fault;
}

async function outcomeOf(
  { contracts }: Context,
  mined: readonly Mined[],
  { nodeId, sequenceId, now }: { nodeId: number; sequenceId: bigint; now: bigint },
) {
  const source = { address: await contracts.faultProofs.getAddress(), abi: contracts.faultProofs.interface };
  const opened = eventOf(mined, source, "CaseOpened") ?? eventOf(mined, source, "CaseRaised");
  const caseId = (opened?.caseId as bigint | undefined) ?? (await contracts.faultProofs.caseOf(nodeId, sequenceId));
  const { executableAt } = await contracts.faultProofs.getCase(caseId);
  return {
    text: `Case ${caseId} against node ${nodeId} is open and its stake is frozen. Anybody can execute it ${moment(executableAt, now)}.`,
    data: { caseId, nodeId, sequenceId, executableAt },
  };
}
