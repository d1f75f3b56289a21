import { join } from "node:path";

import { Wallet } from "ethers";

import {
  connectGrpcNode,
  ethersChain,
  ethersReportsChain,
  httpReportServers,
  openSqliteStoreInThread,
  startGateway,
} from "../index.ts";
import type { Gateway } from "../index.ts";
import { connectContracts } from "../contracts/connectContracts.ts";
import { connectRpc } from "../contracts/connectRpc.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import { toAddress, toHex } from "../protocol/bytes.ts";
import type { GatewayConfig } from "./config.ts";
import { readKey } from "./config.ts";

/** A gateway that pays for the messages of the clients that use it. */
export async function runGateway(config: GatewayConfig): Promise<Gateway> {
  const { chainPollMs, headroom, holdSeconds } = config;
  const log = createLog("gateway", config.logLevel, [config.rpcUrl]);
  const record = loadDeployment(config.deployment);
  const provider = connectRpc({ url: config.rpcUrl, chainId: record.chainId, pollingMs: chainPollMs });
  const signer = new Wallet(toHex(readKey(config.transactionKeyFile)), provider);
  const contracts = connectContracts(record, provider);
  const reportsDomain = {
    chainId: BigInt(record.chainId),
    epochReports: toAddress(record.contracts.epochReports.address),
  };
  const gateway = await startGateway({
    ...{ headroom, clock, log, random: Math.random, connectNode: connectGrpcNode, ...config.listen },
    limits: { holdSeconds },
    postageKey: readKey(config.postageKeyFile),
    domain: {
      chainId: BigInt(record.chainId),
      postageChannels: toAddress(record.contracts.postageChannels.address),
    },
    store: await openSqliteStoreInThread(join(config.dataDirectory, "gateway.sqlite"), log),
    reports: {
      chain: ethersReportsChain({ contracts, provider, domain: reportsDomain }),
      servers: httpReportServers,
    },
    chain: ethersChain({ contracts, provider, signer, clock, log, pollingMs: chainPollMs }),
  });
  return {
    ...gateway,
    close: async () => {
      await gateway.close();
      provider.destroy();
    },
  };
}
