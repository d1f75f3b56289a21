import type { Log as ChainLog, Provider, Signer, TransactionReceipt } from "ethers";

import { TransactionSender, withGasMargin } from "../../contracts/transactionSender.ts";
import type { Clock } from "../../platform/clock.ts";
import { silentLog } from "../../platform/log.ts";
import { CommandError } from "./errors.ts";
import type { Call } from "./plan.ts";

const POLLING_MS = 500;
const BUMP_AFTER_MS = 30_000;

/** A transaction that is in a block. */
export interface Mined {
  hash: string;
  blockNumber: number;
  gasUsed: bigint;
  isSuccess: boolean;
  contractAddress: string | null;
  logs: readonly Pick<ChainLog, "address" | "topics" | "data">[];
}

/** Sends transactions of one account and waits for them. */
export interface Sender {
  /** Rejects with the signal's reason when it is not mined in time, and as `eth_estimateGas` does when it is refused. */
  send(call: Call, signal: AbortSignal): Promise<Mined>;
}

/** Of a key in this process: stuck transactions are sent again with a higher fee. */
export function keySender(signer: Signer, provider: Provider, clock: Clock, pollingMs = POLLING_MS): Sender {
  const options = { signer, provider, clock, log: silentLog, pollingMs, bumpAfterMs: BUMP_AFTER_MS };
  const sender = new TransactionSender(options);
  return {
    send: async ({ to, data, value }, signal) => {
      if (value !== 0n) throw new RangeError("no command sends the chain's own token");
      return minedOf(await sender.send({ to, data }, signal));
    },
  };
}

/** Of an account that the endpoint signs for, or a wallet of Hardhat's. */
export function signerSender(signer: Signer, provider: Provider, clock: Clock, pollingMs = POLLING_MS): Sender {
  return {
    async send({ to, data, value }, signal) {
      const call = { to, data, value };
      const gasLimit = withGasMargin(await provider.estimateGas({ ...call, from: await signer.getAddress() }));
      const { hash } = await signer.sendTransaction({ ...call, gasLimit });
      for (;;) {
        const receipt = await provider.getTransactionReceipt(hash).catch(() => null);
        if (receipt) return minedOf(receipt);
        await clock.sleep(pollingMs, signal).catch((cause: unknown) => {
          const what = `transaction ${hash} is sent and not in a block yet`;
          throw new CommandError("not_mined", `${what}: look for it in an explorer before you run this again`, {
            cause,
          });
        });
      }
    },
  };
}

function minedOf({ hash, blockNumber, gasUsed, status, contractAddress, logs }: TransactionReceipt): Mined {
  return { hash, blockNumber, gasUsed, isSuccess: status === 1, contractAddress, logs };
}
