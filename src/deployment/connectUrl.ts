import type { JsonRpcProvider } from "ethers";
import { FetchRequest, JsonRpcProvider as RpcProvider } from "ethers";

import { connectRpc } from "../contracts/connectRpc.ts";
import { asking } from "./plan.ts";

const POLLING_MS = 2_000;
const TIMEOUT_MS = 10_000;

/** A provider for an endpoint, whichever chain it serves: its id is the endpoint's, for others to compare. */
export async function connectUrl(url: string): Promise<JsonRpcProvider> {
  const request = new FetchRequest(url);
  request.timeout = TIMEOUT_MS;
  const probe = new RpcProvider(request);
  try {
    const chainId = Number(await asking(() => probe.send("eth_chainId", []) as Promise<string>));
    return connectRpc({ url, chainId, pollingMs: POLLING_MS });
  } finally {
    probe.destroy();
  }
}
