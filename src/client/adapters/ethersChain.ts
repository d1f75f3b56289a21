import type { Contract, Provider, Signer } from "ethers";
import { Contract as EthersContract, isError } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { decodeRevert } from "../../contracts/decodeRevert.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toAddress, toHex } from "../../protocol/bytes.ts";
import type { VerifySmartAccount } from "../../protocol/identity/signature.ts";
import { GatewayError } from "../errors.ts";
import type { GatewayChain, Sequenced } from "../ports.ts";
import { TransactionSender } from "./transactionSender.ts";

export interface EthersChainOptions {
  /** Connected for reading. */
  contracts: Contracts;
  provider: Provider;
  /** Pays for gas of commits and identity updates; best an account of its own. */
  signer: Signer;
  clock: Clock;
  log: Log;
  pollingMs: number;
  /** 15 s unless told. */
  bumpAfterMs?: number;
}

const RATES_PER_CALL = 100n;
const DEFAULT_BUMP_AFTER_MS = 15_000;
const ERC1271 = ["function isValidSignature(bytes32 hash, bytes signature) view returns (bytes4)"];
const ERC1271_MAGIC = "0x1626ba7e";

/** The gateway's chain over ethers. */
export function ethersChain(options: EthersChainOptions): GatewayChain {
  const { commitBroadcaster, identityRegistry, nodeRegistry, postageChannels, rateRegistry } = options.contracts;
  const { bumpAfterMs = DEFAULT_BUMP_AFTER_MS } = options;
  const sender = new TransactionSender({ ...options, bumpAfterMs });

  async function sequence(
    contract: unknown,
    call: { method: string; event: string; args: [string, string] },
    signal: AbortSignal,
  ): Promise<Sequenced> {
    const handle = contract as Contract;
    const abi = handle.interface;
    const to = await handle.getAddress();
    const data = abi.encodeFunctionData(call.method, call.args);
    try {
      const receipt = await sender.send({ to, data }, signal);
      for (const log of receipt.logs) {
        if (log.address.toLowerCase() !== to.toLowerCase()) continue;
        const event = abi.parseLog(log);
        if (event?.name !== call.event) continue;
        return { sequenceId: event.args.sequenceId as bigint, transactionHash: receipt.hash as Hex };
      }
    } catch (error) {
      const known = alreadySequenced(error);
      if (known !== undefined) return { sequenceId: known, transactionHash: undefined };
      throw asGatewayError(error);
    }
    // Mined and reverted: somebody was faster, which the next simulation tells with the id.
    throw new GatewayError("chain_unavailable", "the transaction was overtaken by another", { retryable: true });
  }

  return {
    async nodes() {
      const nodes = await nodeRegistry.getAllNodes();
      return nodes.map(({ nodeId, node }) => ({
        id: Number(nodeId),
        signer: toAddress(node.signer),
        isCanonical: node.isCanonical,
        httpAddress: node.httpAddress,
      }));
    },

    async rates() {
      const [count, retentionDays] = await Promise.all([rateRegistry.getRatesCount(), rateRegistry.retentionDays()]);
      const history = [];
      for (let from = 0n; from < count; from += RATES_PER_CALL) {
        const rest = count - from;
        history.push(...(await rateRegistry.getRates(from, rest < RATES_PER_CALL ? rest : RATES_PER_CALL)));
      }
      return {
        retentionDays: Number(retentionDays),
        history: history.map((rates) => ({
          messageFeePico: rates.messageFee,
          storageFeePico: rates.storageFee,
          congestionFeePico: rates.congestionFee,
          targetRatePerMinute: rates.targetRatePerMinute,
          startAt: rates.startTime,
        })),
      };
    },

    async channel(key) {
      const { deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal } =
        await postageChannels.getChannel(key);
      return { deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal };
    },

    addIdentityUpdate: (inboxId, clientEnvelope, signal) =>
      sequence(
        identityRegistry,
        {
          method: "addIdentityUpdate",
          event: "IdentityUpdateCreated",
          args: [toHex(inboxId), toHex(clientEnvelope)],
        },
        signal,
      ),

    addMessage: (groupId, clientEnvelope, signal) =>
      sequence(
        commitBroadcaster,
        { method: "addMessage", event: "MessageSent", args: [toHex(groupId), toHex(clientEnvelope)] },
        signal,
      ),

    verifySmartAccount: smartAccountVerifier(options.provider),
  };
}

/** The id in the contracts' `...AlreadySequenced(sequenceId)`: whoever sent it first did our work. */
function alreadySequenced(error: unknown): bigint | undefined {
  const revert = decodeRevert(error);
  const isKnown =
    revert?.name === "IdentityRegistryAlreadySequenced" || revert?.name === "CommitBroadcasterAlreadySequenced";
  return isKnown && typeof revert.args.sequenceId === "bigint" ? revert.args.sequenceId : undefined;
}

function asGatewayError(error: unknown): unknown {
  const revert = decodeRevert(error);
  if (!revert) return error;
  const words = `the chain refuses it: ${revert.name}(${Object.values(revert.args).map(String).join(", ")})`;
  return new GatewayError("refused_by_chain", words, { retryable: false, cause: error });
}

/**
 * ERC-1271 at the block that the signer named. An account that is not deployed yet (ERC-6492) is not taken: its
 * signature could be judged only by running its factory's code.
 */
export function smartAccountVerifier(provider: Provider): VerifySmartAccount {
  return async ({ chainId, account, hash, blockNumber, signature }) => {
    const network = await provider.getNetwork();
    if (network.chainId !== chainId) return false;
    const contract = new EthersContract(account, ERC1271, provider);
    const blockTag = Number(blockNumber);
    if (!Number.isSafeInteger(blockTag)) return false;
    try {
      const magic: unknown = await contract.getFunction("isValidSignature").staticCall(hash, signature, { blockTag });
      return magic === ERC1271_MAGIC;
    } catch (error) {
      // It reverted, or there is no such contract: that is a no. Anything else is the chain's trouble.
      if (isError(error, "CALL_EXCEPTION") || isError(error, "BAD_DATA")) return false;
      throw error;
    }
  };
}
