import { Transaction, getAddress, toQuantity } from "ethers";

import type { TransactionSigner, TransactionToSign } from "./transactionSigner.ts";
import { SignerError } from "./transactionSigner.ts";

export interface RemoteSignerOptions {
  url: string;
  /** Whose key it signs with. */
  address: string;
  /** `eth_signTransaction` of Web3Signer and geth, or clef's own name for it. */
  method?: "eth_signTransaction" | "account_signTransaction";
  timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
/** A data contract's creation code comes back as hex: some 50 kB. */
const MOST_ANSWER_CHARACTERS = 1_000_000;

type Answer = { result?: unknown; error?: { code?: unknown; message?: unknown } };

/** Has another process sign, over JSON-RPC. What it answers is used only when it is exactly what was asked for. */
export function remoteSigner(options: RemoteSignerOptions): TransactionSigner {
  const address = options.address.toLowerCase() as `0x${string}`;
  return {
    address,
    async sign(transaction) {
      const raw = rawOf(await ask(options, address, transaction));
      requireSame(raw, transaction, address);
      return raw;
    },
  };
}

async function ask(
  { url, method, timeoutMs }: RemoteSignerOptions,
  from: string,
  transaction: TransactionToSign,
): Promise<unknown> {
  const { chainId, nonce, to, data, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = transaction;
  const call = {
    from,
    ...(to === null ? {} : { to }),
    ...{ data, value: "0x0", nonce: toQuantity(nonce), gas: toQuantity(gasLimit), chainId: toQuantity(chainId) },
    maxFeePerGas: toQuantity(maxFeePerGas),
    maxPriorityFeePerGas: toQuantity(maxPriorityFeePerGas),
  };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: method ?? "eth_signTransaction", params: [call] });
  const { error, result } = await post(url, body, timeoutMs ?? TIMEOUT_MS);
  if (error) {
    const said = String(error.message ?? error.code).slice(0, 200);
    throw new SignerError("signer_refused", `the remote signer does not sign for ${from}: ${said}`);
  }
  return result;
}

async function post(url: string, body: string, timeoutMs: number): Promise<Answer> {
  let text: string;
  try {
    const headers = { "content-type": "application/json" };
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "error" });
    text = await readBounded(response);
  } catch (cause) {
    // Without the address: it may carry a password.
    const why = (cause as Error).name === "TimeoutError" ? `not within ${timeoutMs} ms` : "no connection";
    throw new SignerError("signer_unreachable", `the remote signer did not answer (${why}): look whether it runs`);
  }
  try {
    const answer = JSON.parse(text) as unknown;
    if (typeof answer === "object" && answer !== null) return answer;
  } catch {
    // Said below.
  }
  throw new SignerError("signer_wrong_answer", "the remote signer answered something that is no JSON-RPC");
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader!.read()) {
    text += decoder.decode(part.value, { stream: true });
    if (text.length > MOST_ANSWER_CHARACTERS) throw new Error("too long an answer");
  }
  return text + decoder.decode();
}

/** Web3Signer answers the bytes; geth and clef an object that has them as `raw`. */
function rawOf(result: unknown): `0x${string}` {
  const raw = typeof result === "object" && result !== null ? (result as { raw?: unknown }).raw : result;
  if (typeof raw === "string" && /^0x[0-9a-fA-F]+$/.test(raw)) return raw as `0x${string}`;
  throw new SignerError("signer_wrong_answer", "the remote signer answered without a signed transaction");
}

function requireSame(raw: string, asked: TransactionToSign, address: string): void {
  let signed: Transaction;
  try {
    signed = Transaction.from(raw);
  } catch {
    throw new SignerError("signer_wrong_answer", "the remote signer's answer is not a transaction");
  }
  const expected = Transaction.from({
    ...asked,
    to: asked.to === null ? null : getAddress(asked.to),
    type: 2,
    value: 0n,
  });
  if (signed.type !== 2 || signed.unsignedSerialized !== expected.unsignedSerialized) {
    const message = "the remote signer signed another transaction than it was asked to: nothing is sent";
    throw new SignerError("signer_wrong_answer", message);
  }
  if (signed.from?.toLowerCase() === address) return;
  const message = `the remote signer signed for ${signed.from ?? "nobody"} and not for ${address}: look at its keys`;
  throw new SignerError("signer_wrong_answer", message);
}
