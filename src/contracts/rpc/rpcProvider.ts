import type { JsonRpcPayload, JsonRpcResult } from "ethers";
import { JsonRpcProvider, Network } from "ethers";

import type { Clock } from "../../platform/clock.ts";
import type { RpcEndpoint } from "./rpcEndpoint.ts";
import { RpcError } from "./rpcTransport.ts";

export interface RpcProviderOptions {
  chainId: number;
  /** In the operator's order of preference. */
  endpoints: readonly RpcEndpoint[];
  clock: Clock;
  /** How often a wait for a receipt looks; about the chain's block time. */
  pollingMs: number;
}

/**
 * A provider over the endpoints of one chain: the first that is well is asked, and the next when it does not answer. It
 * remembers no answers. What the chain itself refuses is final, wherever it came from.
 */
export class RpcProvider extends JsonRpcProvider {
  readonly #endpoints: readonly RpcEndpoint[];
  readonly #clock: Clock;

  constructor({ chainId, endpoints, clock, pollingMs }: RpcProviderOptions) {
    const network = Network.from(chainId);
    // The address is never asked: `_send` is replaced.
    super("http://endpoints.invalid", network, { staticNetwork: network, cacheTimeout: -1 });
    this.pollingInterval = pollingMs;
    this.#endpoints = endpoints;
    this.#clock = clock;
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    const calls = Array.isArray(payload) ? payload : [payload];
    const problems: string[] = [];
    let last: unknown;
    for (const endpoint of this.#byHealth()) {
      try {
        // ethers takes refusals here too, whatever its type says.
        return (await endpoint.send(calls)) as JsonRpcResult[];
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        last = error;
        problems.push(error.message);
      }
    }
    throw problems.length === 1 ? last : new RpcError(problems.join("; "), { cause: last });
  }

  /** Those that rest after failures come last: when nobody is well they are better than nobody. */
  #byHealth(): RpcEndpoint[] {
    const now = this.#clock.elapsed();
    const well = this.#endpoints.filter(({ restsUntil }) => restsUntil <= now);
    const resting = this.#endpoints.filter(({ restsUntil }) => restsUntil > now);
    return [...well, ...resting.sort((a, b) => a.restsUntil - b.restsUntil)];
  }
}
