import type { ContractTransaction, Provider } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { decodeRevert } from "../../contracts/decodeRevert.ts";
import { readRates } from "../../contracts/readRates.ts";
import { readSeats } from "../../contracts/readSeats.ts";
import { withGasMargin } from "../../contracts/transactionSender.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { concatBytes, toAddress, toHex, uintToBytes } from "../../protocol/bytes.ts";
import type { Debit } from "../../protocol/report/debits.ts";
import { packDebits } from "../../protocol/report/debits.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { packRange } from "../../protocol/report/packedRanges.ts";
import type { Report } from "../../protocol/report/report.ts";
import type { GasPolicy } from "../gasPolicy.ts";
import { dataFeeWei, gasBudgetWei, isWorth } from "../gasPolicy.ts";
import type { ReportsChain } from "../reports/ports.ts";
import type { SeatList } from "../reports/quorum.ts";
import type { IntentKind } from "../transactions/ports.ts";
import type { Transactions } from "../transactions/send.ts";
import { dataFeePerByte } from "./dataFee.ts";
import { chargeStamps } from "./ethersCharges.ts";

/** Who waits longer than this looks again later; the transaction is looked after all the same. */
const SEND_TIMEOUT_MS = 120_000;
/** A report, and an answer to a roll call, may cost so many times what they cost when they are decided on. */
const PRICE_FACTOR = 5n;
/** As IEpochReports numbers them. */
const STATUSES = ["unknown", "accepted", "vetoed", "voided"] as const;
/** Another daemon was faster, or the guardian: what was built is not due any more. */
const OVERTAKEN = new Set(["EpochReportsNotOnHead", "EpochReportsWrongRound", "EpochReportsTooLate"]);
/** A roll call that is not to be opened, or closed, at this time or any more. */
const ROLL_CALL_REFUSALS = new Set([
  ...["RollCallsNoReportYet", "RollCallsTooEarly", "RollCallsNobodyToCall", "RollCallsNotOpen"],
  ...["RollCallsAnsweringNotOver", "RollCallsReportAccepted"],
]);
const STREAM_EPOCHS = 14n;
const ANSWER_SECONDS = 86_400n;

export interface EthersReportsOptions {
  contracts: Pick<
    Contracts,
    "epochReports" | "nodeSeats" | "postageChannels" | "rateRegistry" | "feeDistributor" | "stamps"
  >;
  provider: Pick<Provider, "call" | "estimateGas" | "getBlock" | "getCode" | "getFeeData">;
  transactions: Pick<Transactions, "send">;
  /** The lanes' accounts: gas is estimated as theirs. */
  accounts: { routine: string; deadline: string };
  policy: GasPolicy;
}

/** EpochReports, and what reports read of the other contracts. `contracts` only read. */
export function ethersReports(options: EthersReportsOptions): ReportsChain {
  const { contracts, provider, transactions, accounts, policy } = options;
  const { epochReports, nodeSeats, postageChannels, rateRegistry, feeDistributor } = contracts;
  const dataFee = dataFeePerByte(provider);
  const versions = new Map<bigint, SeatList>();
  /** The last block before an instant: blocks do not move, and each epoch has one end. */
  const blocks = new Map<bigint, number>();

  async function latest(): Promise<{ number: number; timestamp: bigint }> {
    const block = await provider.getBlock("latest");
    if (!block) throw new Error("the chain has no latest block");
    return { number: block.number, timestamp: BigInt(block.timestamp) };
  }

  /** By halving: some thirty questions, once an epoch. */
  async function blockBefore(instant: bigint): Promise<number> {
    const known = blocks.get(instant);
    if (known !== undefined) return known;
    const head = await latest();
    if (head.timestamp < instant) throw new Error(`the chain has not come to ${instant} yet`);
    let [before, after] = [0, head.number];
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2);
      const block = await provider.getBlock(middle);
      if (!block) throw new Error(`the endpoint does not serve block ${middle}`);
      if (BigInt(block.timestamp) < instant) before = middle;
      else after = middle;
    }
    blocks.clear();
    blocks.set(instant, before);
    return before;
  }

  async function costOf(from: string, call: ContractTransaction) {
    const to = toAddress(call.to);
    const data = call.data as Hex;
    const [gas, { gasPrice, maxFeePerGas }, perByte] = await Promise.all([
      provider.estimateGas({ from, to, data }),
      provider.getFeeData(),
      dataFee(),
    ]);
    return { to, data, gas, gasPrice: gasPrice ?? maxFeePerGas ?? 0n, dataWei: dataFeeWei(data, perByte) };
  }

  /** Simulates, sends and waits until it is mined. With a deadline in its lane. */
  async function send(kind: IntentKind, call: ContractTransaction, deadlineAt?: bigint): Promise<void> {
    const lane = deadlineAt === undefined ? "routine" : "deadline";
    const { to, data, gas, gasPrice, dataWei } = await costOf(accounts[lane], call);
    const budgetWei = PRICE_FACTOR * (withGasMargin(gas) * gasPrice + dataWei);
    const deadline = deadlineAt === undefined ? {} : { deadlineAt };
    await transactions.send({ lane, kind, to, data, budgetWei, ...deadline }, AbortSignal.timeout(SEND_TIMEOUT_MS));
  }

  /** Only when `value` is worth the gas. */
  async function sendIfWorth(
    kind: IntentKind,
    call: ContractTransaction,
    value: bigint,
    urgent: boolean,
  ): Promise<boolean> {
    const { to, data, ...cost } = await costOf(accounts.routine, call);
    if (!isWorth(policy, { value, ...cost, urgent })) return false;
    const budgetWei = gasBudgetWei(policy, { value, ...cost, urgent });
    await transactions.send({ lane: "routine", kind, to, data, budgetWei }, AbortSignal.timeout(SEND_TIMEOUT_MS));
    return true;
  }

  /** What the chain refuses is not due. */
  async function unlessRefused(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (cause) {
      const revert = decodeRevert(cause);
      if (revert && ROLL_CALL_REFUSALS.has(revert.name)) return false;
      throw revert ? new Error(`the chain refuses: ${revert.name}`, { cause }) : cause;
    }
  }

  const rollCallStep = (step: "open" | "close") =>
    step === "open"
      ? epochReports.openRollCall.populateTransaction()
      : epochReports.closeRollCall.populateTransaction();

  /** What reports decide about: an epoch's pay of all seats. */
  const epochPay = async () => (await feeDistributor.streaming()) / STREAM_EPOCHS;

  async function seatsOf(version: bigint): Promise<SeatList> {
    const known = versions.get(version);
    if (known) return known;
    const list = { version, seats: await readSeats(nodeSeats, version) };
    if (versions.size >= 8) versions.clear();
    versions.set(version, list);
    return list;
  }

  return {
    now: async () => (await latest()).timestamp,
    epochSeconds: () => epochReports.epochSeconds(),
    rates: () => readRates(rateRegistry),
    retentionDays: async () => Number(await rateRegistry.retentionDays()),

    async head() {
      const { digest, count, round, epoch } = await epochReports.headOf(0);
      return { digest: digest as Hex, length: count, round: Number(round), epoch };
    },

    async standing(digest) {
      const { status, finalAt, hasPenaltiesApplied, isAnnounced } = await epochReports.standingOf(digest);
      return { status: STATUSES[Number(status)] ?? "unknown", finalAt, hasPenaltiesApplied, isAnnounced };
    },

    async seatsAt(epoch) {
      const version = await nodeSeats.versionAt(epoch);
      return version === 0n ? undefined : seatsOf(version);
    },

    async backing(channels, before) {
      const blockTag = await blockBefore(before);
      const states = await postageChannels.getChannels([...channels], { blockTag });
      return new Map(
        states.map(({ deposited, stampsSpent, feesSpent }, i) => [channels[i]!, { deposited, stampsSpent, feesSpent }]),
      );
    },

    async submit({ report, signers, signature }, deadlineAt) {
      try {
        await send(
          "report",
          await epochReports.submit.populateTransaction(report, signers, toHex(signature)),
          deadlineAt,
        );
        return true;
      } catch (cause) {
        const revert = decodeRevert(cause);
        if (revert && OVERTAKEN.has(revert.name)) return false;
        throw revert ? new Error(`the chain refuses: ${revert.name}`, { cause }) : cause;
      }
    },

    async applyPenalties(report: Report, debits: readonly Debit[]) {
      const call = await epochReports.applyPenalties.populateTransaction(report, toHex(packDebits(debits)));
      const owed = debits.reduce((sum, { amount }) => sum + amount, 0n);
      return sendIfWorth("penalties", call, owed + (report.absentSeats === 0n ? 0n : await epochPay()), true);
    },

    charge: (report, charges, ceilings) => chargeStamps(contracts, sendIfWorth, report, charges, ceilings),

    async announce(report: Report, ranges: readonly LogRange[]) {
      const rows = await Promise.all(
        ranges.map(async (range) => {
          const index = await epochReports.payerReportCount(range.originatorId);
          return concatBytes(packRange(range), uintToBytes(index, 4));
        }),
      );
      const call = await epochReports.announce.populateTransaction(report, toHex(concatBytes(...rows)));
      return sendIfWorth("announce", call, await epochPay(), false);
    },

    async rollCall() {
      const { number, version, openedAt, answered, isClosed } = await epochReports.latestRollCall();
      if (number === 0n) return undefined;
      return { number, seats: await seatsOf(version), answerUntil: openedAt + ANSWER_SECONDS, answered, isClosed };
    },

    async answerRollCall(positions, signature, deadlineAt) {
      await send(
        "rollCall",
        await epochReports.answerRollCall.populateTransaction(positions, toHex(signature)),
        deadlineAt,
      );
    },

    isRollCallDue: (step) =>
      unlessRefused(async () => {
        const { gas, gasPrice, dataWei } = await costOf(accounts.routine, await rollCallStep(step));
        return isWorth(policy, { value: await epochPay(), gas, gasPrice, dataWei, urgent: true });
      }),

    openRollCall: () =>
      unlessRefused(async () => sendIfWorth("rollCallOpen", await rollCallStep("open"), await epochPay(), true)),

    closeRollCall: () =>
      unlessRefused(async () => sendIfWorth("rollCallClose", await rollCallStep("close"), await epochPay(), true)),
  };
}
