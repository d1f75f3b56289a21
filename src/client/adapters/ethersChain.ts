import type { Contract, Provider, Signer, TransactionReceipt } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { decodeRevert } from "../../contracts/decodeRevert.ts";
import { readNodes } from "../../contracts/readNodes.ts";
import { readRates } from "../../contracts/readRates.ts";
import { readSigningKey } from "../../contracts/readSigningKey.ts";
import { TransactionError, TransactionSender } from "../../contracts/transactionSender.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toAddress, toHex } from "../../protocol/bytes.ts";
import { GatewayError } from "../errors.ts";
import type { GasBook, GatewayChain, Sequenced } from "../ports.ts";
import { dataFees } from "./dataFees.ts";
import { chainRefusal, mayBeLate } from "./chainRefusal.ts";

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

const DEFAULT_BUMP_AFTER_MS = 15_000;
/** Endpoints behind one address may be a block apart. */
const LATE_MS = 1_000;
const MOST_TRIES = 4;

/** The gateway's chain over ethers. */
export function ethersChain(options: EthersChainOptions): GatewayChain {
  const { commitBroadcaster, identityRegistry, nodeRegistry, postageChannels, rateRegistry } = options.contracts;
  const { bumpAfterMs = DEFAULT_BUMP_AFTER_MS } = options;
  const sender = new TransactionSender({ ...options, bumpAfterMs, dataFeeOf: dataFees(options.provider) });

  /** What the account had when the endpoint refused it for want of money. */
  let refusedAtWei: bigint | undefined;
  async function noteRefusal(): Promise<void> {
    const account = await options.signer.getAddress();
    refusedAtWei = await options.provider.getBalance(account).catch(() => refusedAtWei ?? 0n);
  }

  async function send(
    call: { to: string; data: string },
    signal: AbortSignal,
    gas: GasBook | undefined,
  ): Promise<TransactionReceipt> {
    for (let tries = 1; ; tries++) {
      try {
        return await sender.send(call, signal, gas);
      } catch (error) {
        if (error instanceof TransactionError && error.code === "no_gas_money") await noteRefusal();
        if (tries === MOST_TRIES || !mayBeLate(error)) throw error;
        await options.clock.sleep(LATE_MS, signal);
      }
    }
  }

  async function sequence(
    contract: unknown,
    call: { destination: "identity" | "commit"; method: string; event: string; args: [string, string] },
    signal: AbortSignal,
    gas: GasBook | undefined,
  ): Promise<Sequenced> {
    const handle = contract as Contract;
    const abi = handle.interface;
    const to = await handle.getAddress();
    const data = abi.encodeFunctionData(call.method, call.args);
    try {
      const receipt = await send({ to, data }, signal, gas);
      // The dearest that the account pays for: there is money, or the price has come down.
      if (call.destination === "identity") refusedAtWei = undefined;
      for (const log of receipt.logs) {
        if (log.address.toLowerCase() !== to.toLowerCase()) continue;
        const event = abi.parseLog(log);
        if (event?.name !== call.event) continue;
        return { sequenceId: event.args.sequenceId as bigint, transactionHash: receipt.hash as Hex };
      }
    } catch (error) {
      const known = alreadySequenced(error);
      if (known !== undefined) return { sequenceId: known, transactionHash: undefined };
      throw asGatewayError(call.destination, error);
    }
    // Mined and reverted: somebody was faster, which the next simulation tells with the id.
    throw new GatewayError("chain_unavailable", "the transaction was overtaken by another", { retryable: true });
  }

  return {
    async head() {
      const block = await options.provider.getBlock("latest");
      if (!block) throw new GatewayError("chain_unavailable", "the endpoint shows no block", { retryable: true });
      return { number: BigInt(block.number), timestamp: BigInt(block.timestamp) };
    },

    async gas() {
      const account = toAddress(await options.signer.getAddress());
      const [balanceWei, maxFeePerGasWei] = await Promise.all([
        options.provider.getBalance(account),
        sender.maxFeePerGas(),
      ]);
      if (refusedAtWei !== undefined && balanceWei > refusedAtWei) refusedAtWei = undefined;
      return { account, balanceWei, maxFeePerGasWei, isRefused: refusedAtWei !== undefined };
    },

    nodes: () => readNodes(nodeRegistry),

    signingKey: (nodeId, signer) => readSigningKey(nodeRegistry, nodeId, signer),

    async rates() {
      const [history, retentionDays, stampPrice] = await Promise.all([
        readRates(rateRegistry),
        rateRegistry.retentionDays(),
        rateRegistry.stampPrice(),
      ]);
      return { history, retentionDays: Number(retentionDays), stampPrice };
    },

    async channel(key) {
      const { deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal } =
        await postageChannels.getChannel(key);
      return { deposited, feesSpent, stampsSpent, stampsSigned, pendingWithdrawal };
    },

    addIdentityUpdate: (inboxId, clientEnvelope, signal, gas) =>
      sequence(
        identityRegistry,
        {
          destination: "identity",
          method: "addIdentityUpdate",
          event: "IdentityUpdateCreated",
          args: [toHex(inboxId), toHex(clientEnvelope)],
        },
        signal,
        gas,
      ),

    addMessage: (groupId, clientEnvelope, signal, gas) =>
      sequence(
        commitBroadcaster,
        {
          destination: "commit",
          method: "addMessage",
          event: "MessageSent",
          args: [toHex(groupId), toHex(clientEnvelope)],
        },
        signal,
        gas,
      ),
  };
}

/** The id in the contracts' `...AlreadySequenced(sequenceId)`: whoever sent it first did our work. */
function alreadySequenced(error: unknown): bigint | undefined {
  const revert = decodeRevert(error);
  const isKnown =
    revert?.name === "IdentityRegistryAlreadySequenced" || revert?.name === "CommitBroadcasterAlreadySequenced";
  return isKnown && typeof revert.args.sequenceId === "bigint" ? revert.args.sequenceId : undefined;
}

function asGatewayError(destination: "identity" | "commit", error: unknown): unknown {
  if (error instanceof TransactionError) {
    return new GatewayError("chain_unavailable", error.message, { retryable: error.retryable, cause: error });
  }
  return chainRefusal(destination, error) ?? error;
}
