/** Typed handles on a deployment's contracts, and what their events, errors and evidence say. */
export type { ContractKey } from "./abis.ts";
export { abis } from "./abis.ts";
export type { Contracts } from "./connectContracts.ts";
export { connectContracts } from "./connectContracts.ts";
export type { RpcOptions } from "./connectRpc.ts";
export { connectRpc } from "./connectRpc.ts";
export type { ContractRevert } from "./decodeRevert.ts";
export { decodeRevert } from "./decodeRevert.ts";
export type { DeploymentRecord } from "./deploymentRecord.ts";
export { deploymentRecordSchema } from "./deploymentRecord.ts";
export type { FaultEvidence, FaultName } from "./faultEvidence.ts";
export { faultEvidence } from "./faultEvidence.ts";
export { readRates } from "./readRates.ts";
export { readSettledRows } from "./settledRows.ts";
export type { TransactionErrorCode } from "./transactionSender.ts";
export { TransactionError } from "./transactionSender.ts";
