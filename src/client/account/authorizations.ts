import type { Log, Provider } from "ethers";
import { Interface, concat, zeroPadValue } from "ethers";

import { newestInSpans } from "../../contracts/queryInSpans.ts";
import type { Address, Hex } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import { orAborted } from "../async.ts";
import { ChannelError } from "./errors.ts";

/** Of an authorization's nonce a token says one of the two, once (EIP-3009). */
const EVENTS = new Interface([
  "event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce)",
  "event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce)",
]);
const USED = EVENTS.getEvent("AuthorizationUsed")!.topicHash;
const CANCELLED = EVENTS.getEvent("AuthorizationCanceled")!.topicHash;

/** Whoever waits for a deposit has not much more time; what the channel has tells as well. */
const SEARCH_MS = 30_000;

export interface Authorization {
  token: Address;
  from: Address;
  nonce: Hex;
}

/** Whether the token says in this log that it took the authorization. */
export function isUseOf(authorization: Authorization, log: Log): boolean {
  return toAddress(log.address) === authorization.token && log.topics[0] === USED && isOf(authorization, log);
}

/** Not every token has the nonce in its index: then it is the log's data. */
function isOf({ from, nonce }: Authorization, { topics, data }: Log): boolean {
  return concat([...topics.slice(1), data]) === concat([from, nonce].map((one) => zeroPadValue(one, 32)));
}

/**
 * Rejects with ChannelError `authorization_cancelled` where an authorization that the token takes no more was withdrawn before it was
 * used: to the token the two are the same, and only its events tell; `not_shown` where the endpoint does not show them.
 */
export async function requireUsed(
  authorization: Authorization,
  provider: Provider,
  firstBlock: number,
  searchMs = SEARCH_MS,
): Promise<void> {
  const { token, from, nonce } = authorization;
  const topics = [[USED, CANCELLED], zeroPadValue(from, 32)];
  const over = AbortSignal.timeout(searchMs);
  const search = async (fromBlock: number, toBlock: number) => {
    over.throwIfAborted();
    const logs = await provider.getLogs({ address: token, topics, fromBlock, toBlock });
    return logs.filter((log) => isOf(authorization, log));
  };
  const head = await provider.getBlockNumber();
  const notShown = (cause: unknown) => {
    const problem = `authorization ${nonce} of ${from} is spent, and the endpoint does not show whether it was used or cancelled`;
    const advice = "look whether the channel has the money, or ask an endpoint that searches more blocks";
    return new ChannelError("not_shown", `${problem}: ${advice}`, { retryable: true, cause });
  };
  const log = await orAborted(newestInSpans(search, firstBlock, head), over).catch((error: unknown) => {
    throw notShown(error);
  });
  if (!log) throw notShown(undefined);
  if (log.topics[0] === USED) return;
  const problem = `${from} cancelled the deposit's authorization ${nonce} before it was made: nothing was deposited`;
  throw new ChannelError("authorization_cancelled", `${problem}, use another idempotencyKey`);
}
