import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";

import { ProposalBook } from "../contracts/proposals.ts";
import { Settlements } from "../contracts/settlements.ts";
import { postageDomain, reportsDomain } from "../contracts/domains.ts";
import type { Contracts } from "../contracts/connectContracts.ts";
import { connectContracts } from "../contracts/connectContracts.ts";
import type { DeploymentRecord } from "../contracts/deploymentRecord.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { connectEndpoints } from "../contracts/rpc/connectEndpoints.ts";
import { ethersChain } from "../daemon/adapters/ethersChain.ts";
import { ethersEndpoint } from "../daemon/adapters/ethersEndpoint.ts";
import { ethersFaults } from "../daemon/adapters/ethersFaults.ts";
import { ethersNodeKeys } from "../daemon/adapters/ethersNodeKeys.ts";
import { ethersTransactions } from "../daemon/adapters/ethersTransactions.ts";
import { ethersReports } from "../daemon/adapters/ethersReports.ts";
import { ethersStamps } from "../daemon/adapters/ethersStamps.ts";
import { hasEffect } from "../daemon/adapters/ethersWork.ts";
import { grpcPeerLogs } from "../daemon/adapters/grpcPeerLogs.ts";
import { httpGossip } from "../daemon/adapters/httpGossip.ts";
import { httpReports } from "../daemon/adapters/httpReports.ts";
import { httpStamps } from "../daemon/adapters/httpStamps.ts";
import type { DaemonOptions } from "../daemon/options.ts";
import type { FinalityPolicy } from "../daemon/follow/finality.ts";
import { finalityOf } from "../daemon/follow/finality.ts";
import { KeyRing } from "../daemon/keyRing.ts";
import { readMark, requireNotRolledBack } from "../daemon/mark.ts";
import { METRICS } from "../daemon/metrics/catalogue.ts";
import { observeStore, observeTransport } from "../daemon/metrics/observed.ts";
import type { DaemonStore } from "../daemon/ports.ts";
import type { ReportSettings } from "../daemon/reports/openReports.ts";
import { openStoreInThread } from "../daemon/store/openStoreInThread.ts";
import { openThreads } from "../daemon/threads/threads.ts";
import { TransactionManager } from "../daemon/transactions/manager.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import type { Log } from "../platform/log.ts";
import { Metrics } from "../platform/metrics/metrics.ts";
import { readStorage } from "../platform/storage.ts";
import { toHex } from "../protocol/bytes.ts";
import type { SettlementConfig } from "./config/operatorConfig.ts";
import { openKey, openTransactionSigner } from "./config/openKeys.ts";
import { DATABASES, LEDGER } from "./storage.ts";

/** How long the leadership of a shared database lasts when it is not renewed. */
/** What the console shows of settlements. */
const SETTLED_SECONDS = 14 * 86_400;
const LEASE_MS = 30_000;

/** A node that is sent one message after another would else flush the ledger to disk beside each flush of its log. */
const GATHER_MS = 100;

/** What a daemon stands on, whatever node it stands beside. */
export interface Settlement {
  log: Log;
  record: DeploymentRecord;
  contracts: Contracts;
  provider: ReturnType<typeof connectEndpoints>["provider"];
  store: DaemonStore;
  keys: KeyRing;
  options: Omit<DaemonOptions, "envelopeLog" | "isCaughtUp">;
  /** After the daemon, which closes the store. */
  close: () => Promise<void>;
}

/** Opens keys, store and chain of a daemon, as a config file says. */
export async function openSettlement(config: SettlementConfig, name: string): Promise<Settlement> {
  const { nodeId, chainPollMs } = config;
  const log = createLog(`${name}-${nodeId}`, config.logLevel, [...config.rpcUrls, config.databaseUrl ?? ""]);
  const record = loadDeployment(config.deployment);
  const rpc = connectEndpoints({ urls: config.rpcUrls, chainId: record.chainId, clock, pollingMs: chainPollMs });
  const { provider } = rpc;
  const domain = postageDomain(record);
  const contracts = connectContracts(record, provider);
  const finality = finalityPolicy(config, domain.chainId);
  const endpoints = rpc.single.map((one) => ethersEndpoint({ ...one, contracts, finality }));
  const routine = await openTransactionSigner(config.settlementKey);
  const deadline = config.deadlineKey && (await openTransactionSigner(config.deadlineKey));
  const at = config.databaseUrl ?? join(config.dataDirectory, LEDGER);
  const metrics = new Metrics(METRICS, { withProcess: true });
  const store = observeStore(await openStoreInThread({ at, domain, nodeId }, log), metrics, clock);
  await requireNewest(config, store);
  const transactions = new TransactionManager({
    ...{ clock, log, pollingMs: chainPollMs, holder: randomUUID(), leaseMs: LEASE_MS, reserveWei: config.gasReserve },
    chain: ethersTransactions(provider),
    chainId: domain.chainId,
    store: store.intents,
    leadership: store.leadership,
    signers: { routine, ...(deadline ? { deadline } : {}) },
    hasEffect: hasEffect(contracts),
  });
  const threads = openThreads(log);
  const firstBlock = record.deploymentBlock;
  const keys = new KeyRing(ethersNodeKeys(contracts), clock);
  const options: Settlement["options"] = {
    ...{ nodeId, domain, clock, log, store, transactions, operatorPort: config.operatorPort },
    ...{ metrics, metricsListen: config.metricsListen, storage: () => readStorage(config.dataDirectory, DATABASES) },
    transport: observeTransport(httpGossip, metrics),
    deploymentBlock: BigInt(record.deploymentBlock),
    policy: {
      maxGasBps: config.maxGasBps,
      nativeTokenPrice: config.nativeTokenPrice,
      exposureCap: config.exposureCap,
    },
    intervalsMs: {
      watch: config.followEveryMs,
      gossip: config.gossipEveryMs,
      settle: config.settleEveryMs,
      gather: GATHER_MS,
    },
    staleHeadMs: config.staleHeadMs,
    termsEveryMs: config.termsEveryMs,
    reconcileEveryMs: config.reconcileEveryMs,
    rpcCalls: () => rpc.calls.snapshot(),
    consoleEvents: {
      settlements: new Settlements({ ...contracts, provider, firstBlock, windowSeconds: SETTLED_SECONDS }),
      proposals: new ProposalBook({ ...contracts, provider, firstBlock }),
    },
    chain: ethersChain(contracts, provider, transactions, endpoints),
    threads,
    highWater: { peers: grpcPeerLogs, keys },
    faults: {
      chain: ethersFaults({ contracts, provider, transactions, account: routine.address, nodeId }),
      peers: grpcPeerLogs,
      report: config.reportFaults,
      everyMs: config.faultsEveryMs,
      randomSalt: () => toHex(randomBytes(32)),
    },
  };
  if (config.requireStamps) {
    const read = { contracts, provider, endpoint: endpoints[0]!, deploymentBlock: options.deploymentBlock };
    options.stamps = { chain: ethersStamps(read), transport: httpStamps, everyMs: config.gossipEveryMs };
  }
  const reports = await reportSettings(config, { record, contracts, provider, transactions, keys, log });
  if (reports) options.reports = reports;
  const close = async () => {
    rpc.destroy();
    await threads.close();
  };
  return { log, record, contracts, provider, store, keys, options, close };
}

/** Undefined when this node has no key for reports: it takes no part in them. */
async function reportSettings(
  config: SettlementConfig,
  {
    record,
    contracts,
    provider,
    keys,
    log,
    transactions,
  }: Pick<Settlement, "record" | "contracts" | "provider" | "keys" | "log"> & { transactions: TransactionManager },
): Promise<ReportSettings | undefined> {
  const { attestationKey: source, reportsEveryMs: everyMs } = config;
  if (!source) {
    log.warn({}, "no attestationKey in the config: this node attests no reports, and a roll call jails its seat");
    return undefined;
  }
  const domain = reportsDomain(record);
  const accounts = { routine: transactions.account("routine"), deadline: transactions.account("deadline") };
  return {
    ...{ domain, everyMs, keys, attestationKey: await openKey(source), peers: httpReports, logs: grpcPeerLogs },
    chain: ethersReports({ contracts, provider, transactions, accounts, policy: config }),
  };
}

/** Where it is noted how far the ledger has come. */
export function markFile({ dataDirectory }: Pick<SettlementConfig, "dataDirectory">): string {
  return join(dataDirectory, "ledger.mark.json");
}

async function requireNewest(config: SettlementConfig, store: DaemonStore): Promise<void> {
  const mark = await readMark(markFile(config));
  // That the database is another node's was found when it was opened.
  if (!mark || mark.nodeId !== config.nodeId) return;
  try {
    await requireNotRolledBack(mark, store.ledger, config.databaseUrl ? "the database" : LEDGER);
  } catch (error) {
    await store.close();
    throw error;
  }
}

function finalityPolicy({ finality }: SettlementConfig, chainId: bigint): FinalityPolicy {
  if (finality === undefined) return finalityOf(chainId);
  if (finality === "tags") return { kind: "tags" };
  return { kind: "depth", safe: BigInt(finality.safeDepth), finalized: BigInt(finality.finalizedDepth) };
}
