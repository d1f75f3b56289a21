import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { Wallet } from "ethers";

import { connectContracts } from "../contracts/connectContracts.ts";
import { connectRpc } from "../contracts/connectRpc.ts";
import { TransactionSender } from "../contracts/transactionSender.ts";
import { loadDeployment } from "../contracts/loadDeployment.ts";
import { ethersChain } from "../daemon/adapters/ethersChain.ts";
import { ethersFaults } from "../daemon/adapters/ethersFaults.ts";
import { ethersNodeKeys } from "../daemon/adapters/ethersNodeKeys.ts";
import { grpcPeerLogs } from "../daemon/adapters/grpcPeerLogs.ts";
import { connectUpstream } from "../daemon/adapters/grpcUpstream.ts";
import { httpGossip } from "../daemon/adapters/httpGossip.ts";
import { openSqliteLedger } from "../daemon/adapters/sqliteStore.ts";
import { Daemon } from "../daemon/daemon.ts";
import { KeyRing } from "../daemon/keyRing.ts";
import { startLoop } from "../daemon/loop.ts";
import { CatchUp } from "../daemon/proxy/catchUp.ts";
import { startProxy } from "../daemon/proxy/proxy.ts";
import { Recent } from "../daemon/proxy/recent.ts";
import { StockLog } from "../daemon/proxy/stockLog.ts";
import { systemClock as clock } from "../platform/clock.ts";
import { createLog } from "../platform/log.ts";
import { toAddress, toHex } from "../protocol/bytes.ts";
import type { DaemonConfig } from "./config.ts";
import { readKey } from "./config.ts";
import type { RunningNodeWithDaemon } from "./runNode.ts";

/** A transaction that is not mined for so long is sent again with a higher fee. */
const BUMP_AFTER_MS = 30_000;
const CATCH_UP_MS = 1_000;

/** A settlement daemon in front of a stock node, which is another process and knows nothing of it. */
export async function runDaemon(config: DaemonConfig): Promise<RunningNodeWithDaemon> {
  const { nodeId, chainPollMs } = config;
  const log = createLog(`daemon-${nodeId}`, config.logLevel);
  const record = loadDeployment(config.deployment);
  const provider = connectRpc({ url: config.rpcUrl, chainId: record.chainId, pollingMs: chainPollMs });
  const domain = {
    chainId: BigInt(record.chainId),
    postageChannels: toAddress(record.contracts.postageChannels.address),
  };
  const wallet = new Wallet(toHex(readKey(config.settlementKeyFile)), provider);
  const contracts = connectContracts(record, provider);
  const sender = new TransactionSender({
    ...{ signer: wallet, provider, clock, log, pollingMs: chainPollMs, bumpAfterMs: BUMP_AFTER_MS },
  });
  const store = openSqliteLedger(join(config.dataDirectory, "ledger.sqlite"), domain);
  const keys = new KeyRing(ethersNodeKeys(contracts), clock);
  const upstream = connectUpstream(config.upstream);
  const recent = new Recent();
  const stockLog = new StockLog({
    ...{ nodeId, upstream, keys, clock, log },
    nodeIds: () => daemon.nodes.map((node) => node.nodeId),
    cursorOf: (id) => store.meterCursor(id),
    onOwn: (envelope) => recent.note(envelope),
    onBreak: () => daemon.doubtLog(),
  });
  const catchUp = new CatchUp({ nodeId, stockLog, peers: grpcPeerLogs, keys, nodes: () => daemon.nodes, log });
  const daemon: Daemon = new Daemon({
    ...{ nodeId, domain, clock, log, store, envelopeLog: stockLog, transport: httpGossip },
    operatorPort: config.operatorPort,
    deploymentBlock: BigInt(record.deploymentBlock),
    policy: {
      maxGasBps: config.maxGasBps,
      nativeTokenPrice: config.nativeTokenPrice,
      exposureCap: config.exposureCap,
    },
    intervalsMs: { watch: chainPollMs, gossip: config.gossipEveryMs, settle: config.settleEveryMs },
    staleHeadMs: config.staleHeadMs,
    termsEveryMs: config.registryRefreshMs,
    chain: ethersChain(contracts, provider, sender),
    isCaughtUp: () => catchUp.isDone,
    highWater: { peers: grpcPeerLogs, keys },
    faults: {
      chain: ethersFaults({ contracts, provider, sender, account: toAddress(wallet.address), nodeId }),
      peers: grpcPeerLogs,
      report: config.reportFaults,
      everyMs: config.faultsEveryMs,
      randomSalt: () => toHex(randomBytes(32)),
    },
  });
  const proxy = await startProxy({
    ...{ nodeId, store, upstream, stockLog, keys, recent, clock, log, gate: daemon.gate, ...config.listen },
    fallback: daemon.handler,
    isRegistered: () => daemon.nodes.some((node) => node.nodeId === nodeId),
    meter: () => daemon.drain(),
    onOldId: () => daemon.doubtLog(),
    timeoutMs: config.upstream.timeoutMs,
  });
  const loop = startLoop("catch up", CATCH_UP_MS, () => catchUp.round(), { clock, log });
  const close = async () => {
    await proxy.close();
    await loop.stop();
    await daemon.close();
    await stockLog.stop();
    upstream.close();
    provider.destroy();
  };
  try {
    await daemon.start();
  } catch (error) {
    // Half a daemon must not look like a whole one: its supervisor has to see that it ended.
    await close();
    throw error;
  }
  return { url: proxy.url, operatorUrl: daemon.operatorUrl, close };
}
