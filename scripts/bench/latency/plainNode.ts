/** The reference node as it is without a daemon: it takes everything. Runs in the place of `pennyblack node`. */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openKey } from "../../../src/cli/config/openKeys.ts";
import { readNodeConfig } from "../../../src/cli/config/operatorConfig.ts";
import { untilStopped } from "../../../src/cli/untilStopped.ts";
import { connectContracts } from "../../../src/contracts/connectContracts.ts";
import { connectRpc } from "../../../src/contracts/connectRpc.ts";
import { loadDeployment } from "../../../src/contracts/loadDeployment.ts";
import { ethersNodeChain } from "../../../src/node/adapters/ethersNodeChain.ts";
import { startNode } from "../../../src/node/node.ts";
import { openGate } from "../../../src/node/ports.ts";
import { systemClock as clock } from "../../../src/platform/clock.ts";
import { createLog } from "../../../src/platform/log.ts";

const { values } = parseArgs({ options: { config: { type: "string" } } });
const config = readNodeConfig(values.config!);
const { nodeId, chainPollMs, dataDirectory } = config;
const record = loadDeployment(config.deployment);
const provider = connectRpc({ url: config.rpcUrls[0]!, chainId: record.chainId, pollingMs: chainPollMs });
const node = await startNode({
  ...{ nodeId, clock, chainPollMs, registryRefreshMs: config.registryRefreshMs, gate: openGate, ...config.listen },
  signingKey: await openKey(config.signingKey),
  databasePath: join(dataDirectory, "node.sqlite"),
  chain: ethersNodeChain({ record, contracts: connectContracts(record, provider), provider, clock }),
  log: createLog(`plain-${nodeId}`, config.logLevel),
});
console.log(JSON.stringify({ ready: true, url: node.url, operatorUrl: node.url }));
await untilStopped();
await node.close();
provider.destroy();
process.exit(0);
