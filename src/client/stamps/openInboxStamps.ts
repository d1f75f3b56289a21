import type { Provider } from "ethers";

import { connectContracts } from "../../contracts/connectContracts.ts";
import { postageDomain, reportsDomain } from "../../contracts/domains.ts";
import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import { systemClock } from "../../platform/clock.ts";
import { ethersReportsChain } from "../adapters/ethersReportsChain.ts";
import { ethersStampsChain } from "../adapters/ethersStampsChain.ts";
import { httpReportServers } from "../adapters/httpReportServers.ts";
import { httpStampDaemons } from "../adapters/httpStampDaemons.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import { ReportLibrary } from "../receipts/reportLibrary.ts";
import { InboxStamps } from "./inboxStamps.ts";
import type { NoteSigner } from "./ports.ts";

/**
 * An inbox's stamps on a network, over ethers and HTTP; runs in browsers.
 *
 * @param inbox the XMTP inbox id, with or without 0x
 * @param signer a wallet key or an installation of that inbox, see `walletSigner` and `installationSigner`
 */
export function openInboxStamps(
  record: DeploymentRecord,
  provider: Provider,
  { inbox, signer }: { inbox: string; signer: NoteSigner },
): InboxStamps {
  const contracts = connectContracts(record, provider);
  const shared = { clock: systemClock, random: Math.random, ...DEFAULT_LIMITS };
  const reports = ethersReportsChain({ contracts, provider, domain: reportsDomain(record) });
  return new InboxStamps({
    ...shared,
    domain: postageDomain(record),
    inbox: `0x${inbox.toLowerCase().replace(/^0x/, "")}`,
    signer,
    chain: ethersStampsChain({ contracts, provider, chainId: BigInt(record.chainId) }),
    daemons: httpStampDaemons,
    library: new ReportLibrary({ ...shared, chain: reports, servers: httpReportServers }),
  });
}
