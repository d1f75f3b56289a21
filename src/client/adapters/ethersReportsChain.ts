import type { Provider } from "ethers";

import type { Contracts } from "../../contracts/connectContracts.ts";
import { readContradicts } from "../../contracts/readContradicts.ts";
import { readAllNodes } from "../../contracts/readNodes.ts";
import { readSeats } from "../../contracts/readSeats.ts";
import { readSigningKey } from "../../contracts/readSigningKey.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { NO_PARENT } from "../../protocol/report/report.ts";
import type { ReportsDomain } from "../../protocol/report/report.ts";
import type { ReportsChain } from "../receipts/ports.ts";

/** Topics go over several shards one day; today there is one. */
const SHARD = 0;

export interface EthersReportsChainOptions {
  contracts: Pick<Contracts, "epochReports" | "nodeRegistry" | "nodeSeats">;
  provider: Pick<Provider, "getBlock">;
  domain: ReportsDomain;
}

/** EpochReports over ethers, for whoever holds receipts. `contracts` only read. */
export function ethersReportsChain({ contracts, provider, domain }: EthersReportsChainOptions): ReportsChain {
  const { epochReports, nodeRegistry, nodeSeats } = contracts;
  return {
    domain,
    async latestFinal() {
      const digest = (await epochReports.latestFinal(SHARD)) as Hex;
      return digest === NO_PARENT ? undefined : digest;
    },
    isFinal: (digest) => epochReports.isFinal(digest),
    signers: async (digest) => (await epochReports.standingOf(digest)).signers,
    seats: async (registryVersion) => (await readSeats(nodeSeats, registryVersion)).map(({ nodeId }) => nodeId),
    contradicts: (claim) => readContradicts(epochReports, claim),
    signingKey: (nodeId, signer) => readSigningKey(nodeRegistry, nodeId, signer),
    async now() {
      const block = await provider.getBlock("latest");
      if (!block) throw new Error("the chain has no latest block");
      return BigInt(block.timestamp);
    },
    // Who has left may still serve what it attested.
    nodes: () => readAllNodes(nodeRegistry),
  };
}
