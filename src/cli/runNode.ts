import { join } from "node:path";

import { Daemon } from "../daemon/daemon.ts";
import { ethersNodeChain } from "../node/adapters/ethersNodeChain.ts";
import { startNode } from "../node/node.ts";
import { keepMark } from "../daemon/mark.ts";
import { systemClock as clock } from "../platform/clock.ts";
import type { NodeConfig } from "./config/operatorConfig.ts";
import { openKey } from "./config/openKeys.ts";
import { markFile, openSettlement } from "./settlement.ts";
import { NODE } from "./storage.ts";

export interface RunningNodeWithDaemon {
  url: string;
  operatorUrl: string;
  close(): Promise<void>;
}

/** A broadcast node and its settlement daemon in one process. */
export async function runNode(config: NodeConfig): Promise<RunningNodeWithDaemon> {
  const { nodeId, chainPollMs } = config;
  const signingKey = await openKey(config.signingKey);
  const { log, record, contracts, provider, store, options, close: closeChain } = await openSettlement(config, "node");
  let daemon: Daemon | undefined;
  // Set below; the gate asks only after both have started.
  let isCaughtUp = () => false;
  const node = await startNode({
    ...{ nodeId, clock, log, chainPollMs, registryRefreshMs: config.registryRefreshMs, ...config.listen },
    confirmations: config.confirmations,
    signingKey,
    databasePath: join(config.dataDirectory, NODE),
    chain: ethersNodeChain({ record, contracts, provider, clock }),
    gate: (envelopeLog) => {
      daemon = new Daemon({ ...options, envelopeLog, isCaughtUp: () => isCaughtUp() });
      const { gate } = daemon;
      // A node asks only for what is not in its log.
      return { admit: (call) => gate.admit({ ...call, isNew: true }), isOpen: () => gate.isOpen() };
    },
    fallback: (request, response) => daemon!.handler(request, response),
  }).catch(async (error: unknown) => {
    await store.close();
    await closeChain();
    throw error;
  });
  let mark: ReturnType<typeof keepMark> | undefined;
  const nodeIds = () => daemon!.nodes.map((one) => one.nodeId);
  const close = async () => {
    await node.close();
    await mark?.stop();
    await daemon!.close();
    await closeChain();
  };
  isCaughtUp = () => node.stats().isCaughtUp;
  try {
    await daemon!.start();
    mark = keepMark({ ...{ file: markFile(config), nodeId, ledger: store.ledger, clock, log }, originators: nodeIds });
  } catch (error) {
    // Half a node must not look like a whole one: its supervisor has to see that it ended.
    await close();
    throw error;
  }
  return { url: node.url, operatorUrl: daemon!.operatorUrl, close };
}
