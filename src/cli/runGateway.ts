import { loadDeployment } from "../contracts/loadDeployment.ts";
import type { Gateway } from "../index.ts";
import { openGateway } from "../index.ts";
import { createLog } from "../platform/log.ts";
import type { GatewayConfig } from "./config.ts";
import { readKey } from "./config.ts";

/** A gateway that pays for the messages of the clients that use it. */
export async function runGateway(config: GatewayConfig): Promise<Gateway> {
  return openGateway({
    ...config,
    deployment: loadDeployment(config.deployment),
    postageKey: readKey(config.postageKeyFile),
    transactionKey: readKey(config.transactionKeyFile),
    log: createLog("gateway", config.logLevel, [config.rpcUrl]),
  });
}
