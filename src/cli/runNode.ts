import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { Wallet } from "ethers";

import { connectContracts } from "../contracts/connectContracts.ts";
import { connectEndpoints } from "../contracts/rpc/connectEndpoints.ts";
import { TransactionSender } from "../contracts/transactionSender.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { ethersChain } from "../daemon/adapters/ethersChain.ts";
import { ethersEndpoint } from "../daemon/adapters/ethersEndpoint.ts";
import { ethersFaults } from "../daemon/adapters/ethersFaults.ts";
import { grpcPeerLogs } from "../daemon/adapters/grpcPeerLogs.ts";
import { httpGossip } from "../daemon/adapters/httpGossip.ts";
import { openSqliteLedger } from "../daemon/adapters/sqliteStore.ts";
import { Daemon } from "../daemon/daemon.ts";
import type { FinalityPolicy } from "../daemon/follow/finality.ts";
import { finalityOf } from "../daemon/follow/finality.ts";
import { ethersNodeChain } from "../node/adapters/ethersNodeChain.ts";
import { startNode } from "../node/node.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import { toAddress, toHex } from "../protocol/bytes.ts";
import type { NodeConfig } from "./config.ts";
import { readKey } from "./config.ts";

/** A transaction that is not mined for so long is sent again with a higher fee. */
const BUMP_AFTER_MS = 30_000;

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
  const rpc = connectEndpoints({ urls: config.rpcUrls, chainId: record.chainId, clock, pollingMs: chainPollMs });
  const { provider } = rpc;
  const domain = {
    chainId: BigInt(record.chainId),
    postageChannels: toAddress(record.contracts.postageChannels.address),
  };
  const wallet = new Wallet(toHex(readKey(config.settlementKeyFile)), provider);
  const contracts = connectContracts(record, provider);
  const finality = finalityPolicy(config, domain.chainId);
  const endpoints = rpc.single.map((one) => ethersEndpoint({ ...one, contracts, finality }));
  const sender = new TransactionSender({
    ...{ signer: wallet, provider, clock, log, pollingMs: chainPollMs, bumpAfterMs: BUMP_AFTER_MS },
  });
  let daemon: Daemon | undefined;
  // Set below; the gate asks only after both have started.
  let isCaughtUp = () => false;
  const node = await startNode({
    ...{ nodeId, clock, log, chainPollMs, registryRefreshMs: config.registryRefreshMs, ...config.listen },
    confirmations: config.confirmations,
    signingKey: readKey(config.signingKeyFile),
    databasePath: join(config.dataDirectory, "node.sqlite"),
    chain: ethersNodeChain({ record, contracts, provider, clock }),
    gate: (envelopeLog) => {
      daemon = new Daemon({
        ...{ nodeId, domain, clock, log, envelopeLog, transport: httpGossip, operatorPort: config.operatorPort },
        deploymentBlock: BigInt(record.deploymentBlock),
        policy: {
          maxGasBps: config.maxGasBps,
          nativeTokenPrice: config.nativeTokenPrice,
          exposureCap: config.exposureCap,
        },
        intervalsMs: { watch: config.followEveryMs, gossip: config.gossipEveryMs, settle: config.settleEveryMs },
        staleHeadMs: config.staleHeadMs,
        termsEveryMs: config.termsEveryMs,
        reconcileEveryMs: config.reconcileEveryMs,
        rpcCalls: () => rpc.calls.snapshot(),
        store: openSqliteLedger(join(config.dataDirectory, "ledger.sqlite"), domain),
        chain: ethersChain(contracts, provider, sender, endpoints),
        isCaughtUp: () => isCaughtUp(),
        faults: {
          chain: ethersFaults({ contracts, provider, sender, account: toAddress(wallet.address), nodeId }),
          peers: grpcPeerLogs,
          report: config.reportFaults,
          everyMs: config.faultsEveryMs,
          randomSalt: () => toHex(randomBytes(32)),
        },
      });
      return daemon.gate;
    },
    fallback: (request, response) => daemon!.handler(request, response),
  });
  const close = async () => {
    await node.close();
    await daemon!.close();
    rpc.destroy();
  };
  isCaughtUp = () => node.stats().isCaughtUp;
  try {
    await daemon!.start();
  } catch (error) {
    // Half a node must not look like a whole one: its supervisor has to see that it ended.
    await close();
    throw error;
  }
  return { url: node.url, operatorUrl: daemon!.operatorUrl, close };
}

function finalityPolicy({ finality }: NodeConfig, chainId: bigint): FinalityPolicy {
  if (finality === undefined) return finalityOf(chainId);
  if (finality === "tags") return { kind: "tags" };
  return { kind: "depth", safe: BigInt(finality.safeDepth), finalized: BigInt(finality.finalizedDepth) };
}
