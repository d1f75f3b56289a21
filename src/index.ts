/** What an app or a gateway on Node imports; browsers take `pennyblack/client`. */
export type { EthersChainOptions } from "./client/adapters/ethersChain.ts";
export { ethersChain } from "./client/adapters/ethersChain.ts";
export { connectGrpcNode } from "./client/adapters/grpcNode.ts";
export { openSqliteStore } from "./client/adapters/sqliteStore.ts";
export { openSqliteStoreInThread } from "./client/adapters/sqliteStoreThread.ts";
export type { GatewayErrorCode, PostageNumbers } from "./client/errors.ts";
export { GatewayError, isGatewayError } from "./client/errors.ts";
export type { Gateway, GatewayOptions } from "./client/gateway.ts";
export { startGateway } from "./client/gateway.ts";
export * from "./client/index.ts";
export type { GatewayLimits } from "./client/limits.ts";
export { DEFAULT_LIMITS } from "./client/limits.ts";
export type { OpenGatewayOptions } from "./client/openGateway.ts";
export { openGateway } from "./client/openGateway.ts";
export type * from "./client/ports.ts";
export type { GatewayStatus } from "./client/server/status.ts";
export { loadDeployment } from "./contracts/loadDeployment.ts";
