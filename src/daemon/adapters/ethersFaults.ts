import type { ContractTransaction, Provider } from "ethers";
import { ZeroAddress } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { decodeRevert } from "../../contracts/decodeRevert.ts";
import type { FaultName } from "../../contracts/faultEvidence.ts";
import { dataFeeWei } from "../gasPolicy.ts";
import { dataFeePerByte } from "./dataFee.ts";
import { withGasMargin } from "../../contracts/transactionSender.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { FaultCase, FaultChain } from "../faults/ports.ts";
import { FaultRefused } from "../faults/ports.ts";
import type { Receipt } from "../transactions/chain.ts";
import type { Transactions } from "../transactions/send.ts";

/** Who waits longer than this looks again later; the transaction is looked after all the same. */
const SEND_TIMEOUT_MS = 120_000;
/** Gas may cost so many times what it costs when the step is decided on. */
const PRICE_FACTOR = 5n;
/** Whoever commits first is paid, and a reveal that comes too late was for nothing. */
const HURRY_SECONDS = 900n;
/**
 * A node with less than this part of the minimum stake is not worth anybody's gas any more: else one that has lost its
 * stake could go on offering faults for others to burn theirs on.
 */
const LEAST_WORTH = 100n;
/** As IFaultProofs numbers them. */
const FAULTS: (FaultName | undefined)[] = [undefined, "equivocation", "wrongTarget", "contradictedReceipt"];
const STATUSES = [undefined, "open", "dismissed", "closed", "executed"] as const;

export interface EthersFaultsOptions {
  contracts: Pick<Contracts, "faultProofs" | "nodeStaking" | "nodeRegistry" | "nodeSeats">;
  provider: Pick<Provider, "call" | "estimateGas" | "getBlock" | "getCode" | "getFeeData">;
  transactions: Pick<Transactions, "send">;
  /** The routine lane's: it reports, so it is what bounties are credited to. */
  account: Address;
  /** The own node, whose payout address bounties are withdrawn to. */
  nodeId: number;
}

/** FaultProofs, NodeStaking and the nodes' keys as a reporter's chain. `contracts` only read. */
export function ethersFaults({ contracts, provider, transactions, account, nodeId }: EthersFaultsOptions): FaultChain {
  const { faultProofs, nodeStaking, nodeRegistry, nodeSeats } = contracts;
  const dataFee = dataFeePerByte(provider);

  async function now(): Promise<bigint> {
    const block = await provider.getBlock("latest");
    if (!block) throw new Error("the chain has no latest block");
    return BigInt(block.timestamp);
  }

  /** Simulates, sends and waits until it is mined. Throws FaultRefused when FaultProofs refuses. */
  async function send(to: Address | null, data: Hex, hurries = false): Promise<Receipt> {
    try {
      const [gas, { gasPrice, maxFeePerGas }, perByte] = await Promise.all([
        provider.estimateGas({ from: account, to, data }),
        provider.getFeeData(),
        dataFee(),
      ]);
      const dataWei = dataFeeWei(data, perByte);
      const budgetWei = PRICE_FACTOR * (withGasMargin(gas) * (gasPrice ?? maxFeePerGas ?? 0n) + dataWei);
      const deadline = hurries ? { deadlineAt: (await now()) + HURRY_SECONDS } : {};
      const request = { lane: "routine", kind: "fault", to, data, budgetWei, ...deadline } as const;
      return await transactions.send(request, AbortSignal.timeout(SEND_TIMEOUT_MS));
    } catch (cause) {
      const revert = decodeRevert(cause);
      if (revert?.name.startsWith("FaultProofs")) throw new FaultRefused(revert.name, { cause });
      throw revert ? new Error(`the chain refuses: ${revert.name}`, { cause }) : cause;
    }
  }

  const sendCall = async (call: ContractTransaction) => send(toAddress(call.to), call.data as Hex);
  const hurryToFaultProofs = async (data: Hex) =>
    void (await send(toAddress(await faultProofs.getAddress()), data, true));

  return {
    now,
    reporter: async () => account,

    async isKeyOf(node, signer) {
      const { known, retiredAt, takenUntil } = await nodeRegistry.keyOf(node, signer);
      if (!known || retiredAt === 0n) return known;
      return (await now()) < takenUntil;
    },

    async isWorthSlashing(node) {
      const [left, minimum] = await Promise.all([nodeStaking.slashableOf(node), nodeStaking.minimumStake()]);
      return left > 0n && left * LEAST_WORTH >= minimum;
    },

    isFrozen: (node) => nodeStaking.isFrozen(node),

    async committedAt(commitment) {
      const at = await faultProofs.committedAt(commitment);
      return at === 0n ? undefined : at;
    },

    async caseOf({ nodeId: node, sequenceId }): Promise<FaultCase | undefined> {
      const id = await faultProofs.caseOf(node, sequenceId);
      if (id === 0n) return undefined;
      const { fault, status, reporter, committedAt, executableAt } = await faultProofs.getCase(id);
      const name = STATUSES[Number(status)];
      if (!name) return undefined;
      return {
        ...{ id, committedAt, executableAt, status: name, fault: FAULTS[Number(fault)] },
        reporter: toAddress(reporter),
      };
    },

    commit: hurryToFaultProofs,
    reveal: hurryToFaultProofs,

    async deploy(creationCode) {
      const { contractAddress } = await send(null, creationCode);
      if (!contractAddress) throw new Error("a data contract was not deployed");
      return contractAddress;
    },

    async execute(caseId) {
      await sendCall(await faultProofs.execute.populateTransaction(caseId));
    },

    async withdrawCredit() {
      const amount = await nodeStaking.creditOf(account);
      if (amount === 0n) return 0n;
      // The settlement key lies on a server to pay gas: what is earned goes where the node's other earnings go.
      const payout = await nodeSeats.payoutOf(nodeId);
      const recipient = payout === ZeroAddress ? account : payout;
      await sendCall(await nodeStaking.withdrawCredit.populateTransaction(recipient));
      return amount;
    },
  };
}
