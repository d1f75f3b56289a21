import type { ContractKey } from "../../src/contracts/abis.ts";
import type { ReservedKey } from "./contractAddresses.ts";
import type { DeploymentParameters } from "./parameters.ts";

/** Addresses known before anything is deployed. */
export interface KnownAddresses {
  contracts: Record<ContractKey, string>;
  /** Addresses of parts that are not built yet: empty, so that what they may call is unreachable. */
  reserved: Record<ReservedKey, string>;
  token: string;
  /** Stands in for what the parameters leave open. */
  signer: string;
}

/** What each contract is constructed with: predicted addresses and parameters, so that the order does not matter. */
export function constructorArguments(
  { contracts, reserved, token, signer }: KnownAddresses,
  parameters: DeploymentParameters,
): Record<ContractKey, unknown[]> {
  const { firstRates: rates } = parameters;
  const channelTerms = {
    withdrawalDelaySeconds: parameters.withdrawalDelaySeconds,
    stampHoldSeconds: parameters.stampHoldSeconds,
    minimumDeposit: parameters.minimumDepositAmount,
    bountyBps: parameters.settlerBountyBps,
    bountyCap: parameters.settlerBountyCapAmount,
  };
  const firstRates = {
    messageFee: rates.messageFeePico,
    storageFee: rates.storageFeePicoPerByteDay,
    congestionFee: rates.congestionFeePicoPerUnit,
    targetRatePerMinute: rates.targetRatePerMinute,
    startTime: 0,
  };
  const authority = contracts.accessManager;
  return {
    // The deploying account until governance is built, which takes the role over.
    accessManager: [signer],
    postageChannels: [token, contracts.feeDistributor, authority, minStampHoldSeconds(parameters), channelTerms],
    feeDistributor: [
      contracts.postageChannels,
      contracts.nodeRegistry,
      token,
      parameters.treasury ?? signer,
      reserved.epochReports,
      authority,
      parameters.epochSeconds,
      parameters.treasuryBps,
    ],
    nodeRegistry: [
      contracts.nodeBond,
      contracts.feeDistributor,
      authority,
      parameters.epochSeconds,
      parameters.maxSeats,
    ],
    nodeBond: [parameters.bondToken ?? token, contracts.nodeRegistry, parameters.bondAmount],
    rateRegistry: [parameters.governor ?? signer, parameters.stampPriceAmount, firstRates],
    identityRegistry: [authority],
    commitBroadcaster: [authority],
  };
}

const STAMP_WINDOW_SECONDS = 7 * 24 * 3_600;

/** What a stamp hold has to outlast, so that a signed stamp can still be charged: protocol 2.11. */
function minStampHoldSeconds({ epochSeconds, vetoWindowSeconds }: DeploymentParameters): number {
  return STAMP_WINDOW_SECONDS + 2 * epochSeconds + vetoWindowSeconds;
}
