import type { Clock } from "../../platform/clock.ts";
import { CallCounter } from "./callCounter.ts";
import { RpcEndpoint } from "./rpcEndpoint.ts";
import { RpcProvider } from "./rpcProvider.ts";
import { httpTransport } from "./rpcTransport.ts";

export interface ConnectedEndpoints {
  /** Asks whichever endpoint is well. */
  provider: RpcProvider;
  /** One provider per endpoint, for what has to be compared. */
  single: { name: string; provider: RpcProvider }[];
  calls: CallCounter;
  destroy(): void;
}

/** Connects the endpoints of one chain. Makes no call. */
export function connectEndpoints(options: {
  urls: readonly string[];
  chainId: number;
  clock: Clock;
  pollingMs: number;
}): ConnectedEndpoints {
  const { urls, chainId, clock, pollingMs } = options;
  const calls = new CallCounter();
  const names = endpointNames(urls);
  const endpoints = urls.map(
    (url, i) => new RpcEndpoint({ name: names[i]!, chainId, transport: httpTransport(url, names[i]!), clock, calls }),
  );
  const over = (some: readonly RpcEndpoint[]) => new RpcProvider({ chainId, endpoints: some, clock, pollingMs });
  const provider = over(endpoints);
  const single = endpoints.map((endpoint) => ({ name: endpoint.name, provider: over([endpoint]) }));
  return {
    ...{ provider, single, calls },
    destroy: () => [provider, ...single.map((one) => one.provider)].forEach((each) => each.destroy()),
  };
}

/** Hosts, numbered where two are equal: paths and credentials may be secret. */
export function endpointNames(urls: readonly string[]): string[] {
  const hosts = urls.map((url) => new URL(url).host);
  return hosts.map((host, i) => (hosts.filter((other) => other === host).length > 1 ? `${host} (${i + 1})` : host));
}
