import { loadDeployment } from "../contracts/loadDeployment.ts";
import type { Gateway } from "../index.ts";
import { openGateway } from "../index.ts";
import { createLog } from "../platform/log.ts";
import type { GatewayConfig } from "./config/gatewayConfig.ts";
import { openKey, readKey } from "./config/openKeys.ts";
import { readTokens } from "./readTokens.ts";

/** A gateway that pays for the messages of the clients that use it. */
export async function runGateway(config: GatewayConfig): Promise<Gateway> {
  const { tokensFile, senderSecretFile, topUp, ...options } = config;
  return openGateway({
    ...options,
    processMetrics: true,
    ...(tokensFile === undefined ? {} : { authenticate: readTokens(tokensFile) }),
    ...(senderSecretFile === undefined ? {} : { senderSecret: readKey(senderSecretFile) }),
    ...(topUp ? { topUp: { ...topUp, ownerKey: await openKey(topUp.ownerKey) } } : {}),
    deployment: loadDeployment(config.deployment),
    postageKey: await openKey(config.postageKey),
    transactionKey: await openKey(config.transactionKey),
    log: createLog("gateway", config.logLevel, [config.rpcUrl, config.databaseUrl ?? ""]),
  });
}
