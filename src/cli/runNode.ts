import { join } from "node:path";

import { Wallet } from "ethers";

import { connectContracts } from "../contracts/connectContracts.ts";
import { connectRpc } from "../contracts/connectRpc.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { ethersChain } from "../daemon/adapters/ethersChain.ts";
import { httpGossip } from "../daemon/adapters/httpGossip.ts";
import { openSqliteLedger } from "../daemon/adapters/sqliteStore.ts";
import { Daemon } from "../daemon/daemon.ts";
import { ethersNodeChain } from "../node/adapters/ethersNodeChain.ts";
import { startNode } from "../node/node.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import { toAddress, toHex } from "../protocol/bytes.ts";
import type { NodeConfig } from "./config.ts";
import { readKey } from "./config.ts";

export interface RunningNodeWithDaemon {
  url: string;
  operatorUrl: string;
  close(): Promise<void>;
}

/** A broadcast node and its settlement daemon in one process. */
export async function runNode(config: NodeConfig): Promise<RunningNodeWithDaemon> {
  const { nodeId, chainPollMs } = config;
  const log = createLog(`node-${nodeId}`, config.logLevel);
  const record = loadDeployment(config.deployment);
  const provider = connectRpc({ url: config.rpcUrl, chainId: record.chainId, pollingMs: chainPollMs });
  const domain = {
    chainId: BigInt(record.chainId),
    postageChannels: toAddress(record.contracts.postageChannels.address),
  };
  const wallet = new Wallet(toHex(readKey(config.settlementKeyFile)), provider);
  const reading = connectContracts(record, provider);
  let daemon: Daemon | undefined;
  const node = await startNode({
    ...{ nodeId, clock, log, chainPollMs, registryRefreshMs: config.registryRefreshMs, ...config.listen },
    signingKey: readKey(config.signingKeyFile),
    databasePath: join(config.dataDirectory, "node.sqlite"),
    chain: ethersNodeChain({ record, contracts: reading, provider, clock }),
    gate: (envelopeLog) => {
      daemon = new Daemon({
        ...{ nodeId, domain, clock, log, envelopeLog, transport: httpGossip, operatorPort: config.operatorPort },
        deploymentBlock: BigInt(record.deploymentBlock),
        policy: {
          maxGasBps: config.maxGasBps,
          nativeTokenPrice: config.nativeTokenPrice,
          exposureCap: config.exposureCap,
        },
        intervalsMs: { watch: chainPollMs, gossip: config.gossipEveryMs, settle: config.settleEveryMs },
        store: openSqliteLedger(join(config.dataDirectory, "ledger.sqlite"), domain),
        chain: ethersChain(connectContracts(record, wallet), provider),
      });
      return daemon.gate;
    },
    fallback: (request, response) => daemon!.handler(request, response),
  });
  await daemon!.start();
  return {
    url: node.url,
    operatorUrl: daemon!.operatorUrl,
    close: async () => {
      await node.close();
      await daemon!.close();
      provider.destroy();
    },
  };
}
