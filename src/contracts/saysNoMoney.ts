import { isError } from "ethers";

/** Whether an endpoint refused because the sender cannot pay for gas: there is no code for it, and of the words ethers knows some. */
export function saysNoMoney(error: unknown): boolean {
  return isError(error, "INSUFFICIENT_FUNDS") || /(insufficient|enough) funds/i.test(String(error));
}
