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

/** As NodeSeats numbers them. */
const ADMISSIONS = ["approved", "open"] as const;

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
  const treasury = parameters.treasury ?? signer;
  const governor = parameters.governor ?? signer;
  const seatLinks = {
    registry: contracts.nodeRegistry,
    staking: contracts.nodeStaking,
    blsVerifier: contracts.blsVerifier,
    distributor: contracts.feeDistributor,
    reports: reserved.epochReports,
    authority,
  };
  return {
    postageToken: [parameters.tokenHolder ?? signer, parameters.tokenSupplyAmount],
    // The deploying account until governance is built, which takes the role over.
    accessManager: [signer],
    postageChannels: [token, contracts.feeDistributor, authority, minStampHoldSeconds(parameters), channelTerms],
    feeDistributor: [
      contracts.postageChannels,
      contracts.nodeSeats,
      token,
      treasury,
      reserved.epochReports,
      authority,
      parameters.epochSeconds,
      parameters.treasuryBps,
    ],
    nodeRegistry: [
      contracts.nodeSeats,
      contracts.nodeStaking,
      contracts.blsVerifier,
      authority,
      parameters.epochSeconds,
    ],
    nodeSeats: [seatLinks, parameters.epochSeconds, parameters.maxSeats, ADMISSIONS.indexOf(parameters.admission)],
    nodeStaking: [
      contracts.postageToken,
      contracts.nodeRegistry,
      contracts.nodeSeats,
      contracts.faultProofs,
      treasury,
      authority,
      parameters.minimumStakeAmount,
      parameters.unbondingSeconds,
    ],
    faultProofs: [
      contracts.nodeStaking,
      contracts.nodeRegistry,
      reserved.epochReports,
      parameters.guardian ?? signer,
      governor,
      authority,
      parameters.appealSeconds,
    ],
    blsVerifier: [],
    rateRegistry: [governor, parameters.stampPriceAmount, firstRates],
    ed25519Verifier: [],
    identityRegistry: [authority],
    commitBroadcaster: [authority],
  };
}

const STAMP_WINDOW_SECONDS = 7 * 24 * 3_600;

/** What a stamp hold has to outlast, so that a signed stamp can still be charged: protocol 2.11. */
function minStampHoldSeconds({ epochSeconds, vetoWindowSeconds }: DeploymentParameters): number {
  return STAMP_WINDOW_SECONDS + 2 * epochSeconds + vetoWindowSeconds;
}
