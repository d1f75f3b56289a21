import { isError } from "ethers";

/** Whether an endpoint refused because the sender cannot pay for gas: there is no code for it, and of the words ethers knows some. */
export function saysNoMoney(error: unknown): boolean {
  return isError(error, "INSUFFICIENT_FUNDS") || /(insufficient|enough) funds/i.test(String(error));
}

/**
 * The same, of an endpoint's answer to the transaction itself: then that endpoint did not take it. It was not sent where that is the
 * only one asked, as behind `connectRpc`; behind RpcProvider another may have taken it before, whose answer was lost. The same words
 * may be of an endpoint's bill, about another call or about none; ethers gives its code to answers only.
 */
export function refusesForMoney(error: unknown): boolean {
  return isError(error, "INSUFFICIENT_FUNDS") || (isAnswerToSending(error) && saysNoMoney(error));
}

/** As ethers puts it where it knows no code: the answer's `error` beside the call's `payload`. */
function isAnswerToSending(error: unknown): boolean {
  if (!isError(error, "UNKNOWN_ERROR")) return false;
  const { error: answer, payload } = error as { error?: unknown; payload?: { method?: unknown } };
  return answer !== undefined && payload?.method === "eth_sendRawTransaction";
}
