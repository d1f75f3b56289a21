import type { JsonRpcProvider } from "ethers";
import { HDNodeWallet, Mnemonic } from "ethers";
import { network } from "hardhat";

import { connectRpc } from "../../src/contracts/connectRpc.ts";

export const LOCAL_CHAIN_ID = 31_337;
/** Public test accounts of every Hardhat chain: never send anything of value to them. */
const MNEMONIC = Mnemonic.fromPhrase("test test test test test test test test test test test junk");

export interface LocalChain {
  url: string;
  provider: JsonRpcProvider;
  /** Moves the chain's clock and mines a block. */
  increaseTime(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * A chain in this process that other processes reach over HTTP. Every transaction is mined at once.
 * @param startsAt time of its first block: the past, when a test wants to move it up to now
 */
export async function startLocalChain(startsAt?: Date): Promise<LocalChain> {
  // Without this each block is a second later than the last, and a busy chain's clock runs ahead of everybody's.
  const override = { allowBlocksWithSameTimestamp: true, ...(startsAt ? { initialDate: startsAt } : {}) };
  const server = await network.createServer({ network: "local", override }, "127.0.0.1", 0);
  const { address, port } = await server.listen();
  const url = `http://${address}:${port}`;
  const provider = connectRpc({ url, chainId: LOCAL_CHAIN_ID, pollingMs: 50 });
  return {
    url,
    provider,
    async increaseTime(seconds) {
      await provider.send("evm_increaseTime", [seconds]);
      await provider.send("evm_mine", []);
    },
    async close() {
      provider.destroy();
      await server.close();
    },
  };
}

/** The i-th test account, rich in the chain's own token. */
export function localWallet(index: number): HDNodeWallet {
  return HDNodeWallet.fromMnemonic(MNEMONIC, `m/44'/60'/0'/0/${index}`);
}
