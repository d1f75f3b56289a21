import type { Signer } from "ethers";

import { partOfPot } from "../../contracts/readPot.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { payoutFields } from "../../protocol/report/leaves.ts";
import { TreeTag, emptyRoot, rootOfProof } from "../../protocol/report/tree.ts";
import { orAborted } from "../async.ts";
import type { ReportLibrary } from "../receipts/reportLibrary.ts";
import { NotServedError } from "../receipts/reportLibrary.ts";
import type { AskOptions } from "./askDaemons.ts";
import { askDaemons, asking, problemsIn, saidBy } from "./askDaemons.ts";
import { StampsError, aborted, toStampsError } from "./errors.ts";
import type { Pot, ProvedPayout, StampDaemons, StampsChain } from "./ports.ts";

/** Reports that a search goes back: a month of them. */
const DEFAULT_REPORTS = 60;
const MOST_REPORTS = 1_000;
const DIGEST = /^0x[0-9a-f]{64}$/;

export interface ClaimOptions {
  /** Who is paid: the account that reports of spam named. */
  account: Address;
  /** Pays the gas; anybody may. */
  sender: Signer;
  /** Digests of reports. Unless told, the last final ones. */
  reports?: readonly Hex[] | undefined;
  /** How many of the last final ones; 60 unless told, at most 1,000. */
  mostReports?: number | undefined;
  /** Base units: what pays less is left, because its gas may cost more. 0 unless told. */
  least?: bigint | undefined;
}

/** What became of an account's payout in one report. */
export type ReportClaim = { report: Hex } & (
  | { state: "claimed"; amount: bigint; isCredited: boolean; transactionHash: Hex }
  /** In another call, or by somebody else; it was paid to the same account. */
  | { state: "claimedBefore" }
  /** It is paid from then on, when what was charged is settled. */
  | { state: "notYet"; claimableAt: bigint }
  /** Less than `least`. */
  | { state: "tooSmall"; amount: bigint }
  /** Nothing was charged under it in time, or it is not final. */
  | { state: "noPot" }
  /** A year has passed: the rest is the treasury's. */
  | { state: "over" }
  /** No daemon that was asked shows a payout to the account. `problems` says who did not answer, or showed a wrong one. */
  | { state: "notShown"; problems: string }
);

export type ClaimingOptions = AskOptions & {
  chain: StampsChain;
  daemons: Pick<StampDaemons, "payout">;
  library: Pick<ReportLibrary, "refresh" | "finals">;
};

/**
 * Claims an account's payouts, each in a transaction of its own, after holding what daemons show against the root on chain. Runs
 * any number of times: what was paid is not sent again. Rejects with StampsError; what was sent before stays sent.
 */
export async function claimPayouts(
  options: ClaimingOptions,
  request: ClaimOptions,
  signal: AbortSignal,
): Promise<ReportClaim[]> {
  const claims: ReportClaim[] = [];
  const digests = request.reports ? checked(request.reports) : await lastReports(options, request, signal);
  const now = await asking(options, "the chain's time", signal, (own) => options.chain.now(own));
  for (const report of digests) claims.push({ report, ...(await claimOne(options, request, { report, now }, signal)) });
  return claims;
}

function checked(reports: readonly Hex[]): Hex[] {
  const digests = [...new Set(reports.map((digest) => digest.toLowerCase() as Hex))];
  const wrong = digests.find((digest) => !DIGEST.test(digest));
  if (wrong !== undefined || digests.length > MOST_REPORTS) {
    throw new StampsError("bad_input", `reports are at most ${MOST_REPORTS} digests, each 0x and 64 hex digits`);
  }
  return digests;
}

async function lastReports(
  { library }: ClaimingOptions,
  { mostReports = DEFAULT_REPORTS }: ClaimOptions,
  signal: AbortSignal,
): Promise<Hex[]> {
  if (!Number.isSafeInteger(mostReports) || mostReports < 1 || mostReports > MOST_REPORTS) {
    throw new StampsError("bad_input", `a search goes back 1 to ${MOST_REPORTS} reports`);
  }
  const digests: Hex[] = [];
  const nobody = emptyRoot(TreeTag.payouts);
  try {
    await library.refresh(signal);
    for await (const { digest, report } of library.finals(mostReports, signal)) {
      if (report.stampPayoutsRoot !== nobody) digests.push(digest);
    }
  } catch (error) {
    if (signal.aborted) throw aborted(error);
    if (!(error instanceof NotServedError)) throw toStampsError(error);
    throw new StampsError("too_few_daemons", error.message, { retryable: true, cause: error });
  }
  return digests;
}

type Outcome = ReportClaim extends infer One ? (One extends unknown ? Omit<One, "report"> : never) : never;

async function claimOne(
  options: ClaimingOptions,
  { account, sender, least = 0n }: ClaimOptions,
  { report, now }: { report: Hex; now: bigint },
  signal: AbortSignal,
): Promise<Outcome> {
  const { chain } = options;
  const pot = await asking(options, "a report's pot", signal, (own) => chain.pot(report, own));
  if (pot.finalAt === 0n) return { state: "noPot" };
  if (now < pot.fixedAt) return { state: "notYet", claimableAt: pot.fixedAt };
  if (now >= pot.claimableUntil) return { state: "over" };
  const { payout, problems } = await provedPayout(options, { report, account, pot }, signal);
  if (!payout) return { state: "notShown", problems };
  const isClaimed = () =>
    asking(options, "what was claimed", signal, (own) => chain.isClaimed(report, payout.proof.index, own));
  if (await isClaimed()) return { state: "claimedBefore" };
  const amount = partOfPot(pot, payout.leaf.amount, payout.proof.total);
  if (amount < least || amount === 0n) return { state: "tooSmall", amount };
  if (signal.aborted) throw aborted();
  try {
    return { state: "claimed", ...(await orAborted(chain.claim(sender, report, payout), signal)) };
  } catch (error) {
    if (signal.aborted) throw aborted(error);
    const failure = toStampsError(error);
    // Somebody was faster: the account has its money.
    const mayBeClaimed = failure.revert === "StampsClaimed" || failure.code === "refused";
    if (mayBeClaimed && (await isClaimed())) return { state: "claimedBefore" };
    throw failure;
  }
}

/** The first one that holds: a proof needs no second witness. */
async function provedPayout(
  options: ClaimingOptions,
  { report, account, pot }: { report: Hex; account: Address; pot: Pot },
  signal: AbortSignal,
): Promise<{ payout: ProvedPayout | undefined; problems: string }> {
  const ask = async (httpAddress: string, own: AbortSignal) => {
    const shown = await options.daemons.payout(httpAddress, report, account, own);
    if (!shown) return null;
    const root = rootOfProof(TreeTag.payouts, payoutFields(shown.leaf), shown.proof);
    if (shown.leaf.account === account && root === pot.payoutsRoot) return shown;
    throw new Error("what it shows is not in the report");
  };
  const { answers } = await askDaemons(options, ask, signal);
  const payout = saidBy(answers).find(({ said }) => said !== null)?.said ?? undefined;
  return { payout, problems: problemsIn(answers) };
}
