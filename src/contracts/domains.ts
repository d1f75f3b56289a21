import { toAddress } from "../protocol/bytes.ts";
import type { ReportsDomain } from "../protocol/report/report.ts";
import type { PostageDomain } from "../protocol/voucher.ts";
import type { DeploymentRecord } from "./deploymentRecord.ts";

/** Where a deployment's vouchers hold. */
export function postageDomain({ chainId, contracts }: DeploymentRecord): PostageDomain {
  return { chainId: BigInt(chainId), postageChannels: toAddress(contracts.postageChannels.address) };
}

/** Where a deployment's reports hold. */
export function reportsDomain({ chainId, contracts }: DeploymentRecord): ReportsDomain {
  return { chainId: BigInt(chainId), epochReports: toAddress(contracts.epochReports.address) };
}
