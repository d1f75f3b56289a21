import type { ContractTransaction, Provider, TransactionReceipt } from "ethers";
import { ZeroAddress } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { decodeRevert } from "../../contracts/decodeRevert.ts";
import type { FaultName } from "../../contracts/faultEvidence.ts";
import type { TransactionSender } from "../../contracts/transactionSender.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { FaultCase, FaultChain } from "../faults/ports.ts";
import { FaultRefused } from "../faults/ports.ts";

/** A transaction that is not mined within this, bumps included, is given up; the next step looks again. */
const SEND_TIMEOUT_MS = 600_000;
/**
 * A node with less than this part of the minimum stake is not worth anybody's gas any more: else one that has lost its
 * stake could go on offering faults for others to burn theirs on.
 */
const LEAST_WORTH = 100n;
/** As IFaultProofs numbers them. */
const FAULTS: (FaultName | undefined)[] = [undefined, "equivocation", "wrongTarget"];
const STATUSES = [undefined, "open", "dismissed", "closed", "executed"] as const;

export interface EthersFaultsOptions {
  contracts: Pick<Contracts, "faultProofs" | "nodeStaking" | "nodeRegistry" | "nodeSeats">;
  provider: Pick<Provider, "getBlock">;
  /** The settlement key's: it reports, so it is what bounties are credited to. */
  sender: Pick<TransactionSender, "send">;
  account: Address;
  /** The own node, whose payout address bounties are withdrawn to. */
  nodeId: number;
}

/** FaultProofs, NodeStaking and the nodes' keys as a reporter's chain. `contracts` only read. */
export function ethersFaults({ contracts, provider, sender, account, nodeId }: EthersFaultsOptions): FaultChain {
  const { faultProofs, nodeStaking, nodeRegistry, nodeSeats } = contracts;

  async function now(): Promise<bigint> {
    const block = await provider.getBlock("latest");
    if (!block) throw new Error("the chain has no latest block");
    return BigInt(block.timestamp);
  }

  /** Simulates, sends and waits until it is mined. Throws FaultRefused when FaultProofs refuses. */
  async function send(to: string | null, data: string): Promise<TransactionReceipt> {
    let receipt: TransactionReceipt;
    try {
      receipt = await sender.send({ to, data }, AbortSignal.timeout(SEND_TIMEOUT_MS));
    } catch (cause) {
      const revert = decodeRevert(cause);
      if (revert?.name.startsWith("FaultProofs")) throw new FaultRefused(revert.name, { cause });
      throw revert ? new Error(`the chain refuses: ${revert.name}`, { cause }) : cause;
    }
    if (receipt.status !== 1) throw new Error(`transaction ${receipt.hash} was mined and reverted`);
    return receipt;
  }

  const sendCall = async (call: ContractTransaction) => send(call.to, call.data);
  const sendToFaultProofs = async (data: string) => void (await send(await faultProofs.getAddress(), data));

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

    commit: sendToFaultProofs,
    reveal: sendToFaultProofs,

    async deploy(creationCode) {
      const { contractAddress } = await send(null, creationCode);
      if (!contractAddress) throw new Error("a data contract was not deployed");
      return toAddress(contractAddress);
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
