/** What an app, a gateway or a tool imports. */
export type { EthersChainOptions } from "./adapters/ethersChain.ts";
export { ethersChain } from "./adapters/ethersChain.ts";
export { connectGrpcNode } from "./adapters/grpcNode.ts";
export { openSqliteStore } from "./adapters/sqliteStore.ts";
export { openSqliteStoreInThread } from "./adapters/sqliteStoreThread.ts";
export type { GatewayErrorCode, PostageNumbers } from "./errors.ts";
export { GatewayError, isGatewayError } from "./errors.ts";
export type { Gateway, GatewayOptions } from "./gateway.ts";
export { startGateway } from "./gateway.ts";
export type { GatewayLimits } from "./limits.ts";
export { DEFAULT_LIMITS } from "./limits.ts";
export type * from "./ports.ts";
export type { GatewayStatus } from "./server/status.ts";
