import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";

import { connectContracts } from "../contracts/connectContracts.ts";
import { connectEndpoints } from "../contracts/rpc/connectEndpoints.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { ethersChain } from "../daemon/adapters/ethersChain.ts";
import { ethersEndpoint } from "../daemon/adapters/ethersEndpoint.ts";
import { ethersFaults } from "../daemon/adapters/ethersFaults.ts";
import { ethersTransactions } from "../daemon/adapters/ethersTransactions.ts";
import { hasEffect } from "../daemon/adapters/ethersWork.ts";
import { grpcPeerLogs } from "../daemon/adapters/grpcPeerLogs.ts";
import { httpGossip } from "../daemon/adapters/httpGossip.ts";
import { Daemon } from "../daemon/daemon.ts";
import type { FinalityPolicy } from "../daemon/follow/finality.ts";
import { finalityOf } from "../daemon/follow/finality.ts";
import { openStore } from "../daemon/store/openStore.ts";
import { TransactionManager } from "../daemon/transactions/manager.ts";
import { ethersNodeChain } from "../node/adapters/ethersNodeChain.ts";
import { startNode } from "../node/node.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import { toAddress, toHex } from "../protocol/bytes.ts";
import type { NodeConfig } from "./config.ts";
import { openKey, openTransactionSigner } from "./config.ts";

/** A leader that is silent for so long gives way to another process of the same database. */
const LEASE_MS = 30_000;

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
  const contracts = connectContracts(record, provider);
  const finality = finalityPolicy(config, domain.chainId);
  const endpoints = rpc.single.map((one) => ethersEndpoint({ ...one, contracts, finality }));
  const signingKey = await openKey(config.signingKey);
  const routine = await openTransactionSigner(config.settlementKey);
  const deadline = config.deadlineKey && (await openTransactionSigner(config.deadlineKey));
  const at = config.databaseUrl ?? join(config.dataDirectory, "ledger.sqlite");
  const store = await openStore({ at, domain, nodeId, clock, log });
  const transactions = new TransactionManager({
    ...{ clock, log, pollingMs: chainPollMs, holder: randomUUID(), leaseMs: LEASE_MS, reserveWei: config.gasReserve },
    chain: ethersTransactions(provider),
    chainId: domain.chainId,
    store: store.intents,
    leadership: store.leadership,
    signers: { routine, ...(deadline ? { deadline } : {}) },
    hasEffect: hasEffect(contracts),
  });
  let daemon: Daemon | undefined;
  // Set below; the gate asks only after both have started.
  let isCaughtUp = () => false;
  const node = await startNode({
    ...{ nodeId, clock, log, chainPollMs, registryRefreshMs: config.registryRefreshMs, ...config.listen },
    confirmations: config.confirmations,
    signingKey,
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
        termsEveryMs: config.registryRefreshMs,
        reconcileEveryMs: config.reconcileEveryMs,
        rpcCalls: () => rpc.calls.snapshot(),
        store,
        chain: ethersChain(contracts, provider, transactions, endpoints),
        transactions,
        isCaughtUp: () => isCaughtUp(),
        faults: {
          chain: ethersFaults({ contracts, provider, transactions, account: routine.address, nodeId }),
          peers: grpcPeerLogs,
          report: config.reportFaults,
          everyMs: config.faultsEveryMs,
          randomSalt: () => toHex(randomBytes(32)),
        },
      });
      return daemon.gate;
    },
    fallback: (request, response) => daemon!.handler(request, response),
  }).catch(async (error: unknown) => {
    await store.close();
    throw error;
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
