/** What runs wherever an app runs, in browsers too. The gateway needs Node: it is in the package's main entry. */
export type { ChannelBalance, Funded, FundOptions } from "./account/channelAccount.ts";
export { ChannelAccount } from "./account/channelAccount.ts";
export type { ChannelErrorCode } from "./account/errors.ts";
export { ChannelError, isChannelError } from "./account/errors.ts";
export type { EthersReportsChainOptions } from "./adapters/ethersReportsChain.ts";
export { ethersReportsChain } from "./adapters/ethersReportsChain.ts";
export { httpReportServers } from "./adapters/httpReportServers.ts";
export type { NodeAnswer, Served } from "./receipts/auditReceipt.ts";
export { auditReceipt } from "./receipts/auditReceipt.ts";
export type * from "./receipts/ports.ts";
export type { Outcome } from "./receipts/receiptProver.ts";
export { ReceiptProver } from "./receipts/receiptProver.ts";
export { ReportLibrary } from "./receipts/reportLibrary.ts";
export { SigningKeys } from "./receipts/signingKeys.ts";
