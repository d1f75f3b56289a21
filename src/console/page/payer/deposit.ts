import type { Eip1193Provider, Signer } from "ethers";
import { BrowserProvider } from "ethers";

import { ChannelAccount } from "../../../client/account/channelAccount.ts";
import { readFeeToken } from "../../../client/account/feeToken.ts";
import type { DeploymentRecord } from "../../../contracts/deploymentRecord.ts";
import { toAddress } from "../../../protocol/bytes.ts";

export interface Connection {
  account: ChannelAccount;
  signer: Signer;
  address: string;
  /** Of the fee token, base units. */
  held: bigint;
}

/** Asks the wallet for an account on the channel's chain. Reads go by way of the wallet too: the page itself asks nobody. */
export async function connect(wallet: Eip1193Provider, record: DeploymentRecord, channel: string): Promise<Connection> {
  await wallet.request({ method: "eth_requestAccounts" });
  const chainId = `0x${record.chainId.toString(16)}`;
  if (BigInt((await wallet.request({ method: "eth_chainId" })) as string) !== BigInt(chainId)) {
    await wallet.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
  }
  const provider = new BrowserProvider(wallet, record.chainId);
  const signer = await provider.getSigner();
  const token = await readFeeToken(toAddress(record.token), BigInt(record.chainId), provider);
  const address = toAddress(await signer.getAddress());
  const account = new ChannelAccount(record, provider, channel);
  return { account, signer, address, held: await token.balanceOf(address) };
}

/** Dollars as somebody types them, in base units; undefined for what is no amount. */
export function unitsOf(typed: string): bigint | undefined {
  const [, whole, part = ""] = /^(\d{1,12})(?:\.(\d{0,6}))?$/.exec(typed.trim()) ?? [];
  if (whole === undefined) return undefined;
  const units = BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0"));
  return units > 0n ? units : undefined;
}

/** What went wrong, for people: a ChannelError says what to do, wallets say it in their own words. */
export function wordsOf(error: unknown): string {
  const { message, code } = (typeof error === "object" && error !== null ? error : {}) as {
    message?: unknown;
    code?: unknown;
  };
  if (code === 4001 || code === "ACTION_REJECTED") return "The wallet's owner declined: nothing was sent.";
  if (code === 4902) return "The wallet does not know the channel's chain: add it there, then connect again.";
  return typeof message === "string" && message !== "" ? message : String(error);
}
