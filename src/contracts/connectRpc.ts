import { FetchRequest, JsonRpcProvider, Network } from "ethers";

export interface RpcOptions {
  url: string;
  chainId: number;
  /** How often a wait for a receipt looks; about the chain's block time. */
  pollingMs: number;
}

const TIMEOUT_MS = 10_000;

/**
 * A provider for one endpoint of one chain. It remembers no answers, because callers compare heads, and it never asks
 * again by itself, because callers decide what a failed call means.
 */
export function connectRpc({ url, chainId, pollingMs }: RpcOptions): JsonRpcProvider {
  const request = new FetchRequest(url);
  request.timeout = TIMEOUT_MS;
  request.setThrottleParams({ maxAttempts: 2 });
  const network = Network.from(chainId);
  const provider = new JsonRpcProvider(request, network, { staticNetwork: network, cacheTimeout: -1 });
  provider.pollingInterval = pollingMs;
  return provider;
}
