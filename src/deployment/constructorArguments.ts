import type { ContractKey } from "../contracts/abis.ts";
import type { DeploymentParameters } from "./parameters.ts";

/** Addresses known before anything is deployed. */
export interface KnownAddresses {
  contracts: Record<ContractKey, string>;
  token: string;
  /** Stands in for what the parameters leave open. */
  signer: string;
}

/** As NodeSeats numbers them. */
export const ADMISSIONS = ["approved", "open"] as const;

/** What each contract is constructed with: predicted addresses and parameters, so that the order does not matter. */
export function constructorArguments(
  { contracts, token, signer }: KnownAddresses,
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
  // Governs, and is the treasury.
  const { timelock } = contracts;
  const genesis = parameters.allocations.map(({ holder, amount }) => ({
    holder: holder === "deployer" ? signer : holder,
    amount,
  }));
  const seatLinks = {
    registry: contracts.nodeRegistry,
    staking: contracts.nodeStaking,
    blsVerifier: contracts.blsVerifier,
    distributor: contracts.feeDistributor,
    reports: contracts.epochReports,
    authority,
  };
  return {
    postageToken: [genesis],
    timelock: [parameters.timelockDelaySeconds, contracts.postageGovernor],
    // The deploying account, until it hands over when all is there.
    accessManager: [signer],
    postageChannels: [
      token,
      contracts.feeDistributor,
      contracts.stamps,
      authority,
      minStampHoldSeconds(parameters),
      channelTerms,
    ],
    feeDistributor: [
      contracts.postageChannels,
      contracts.nodeSeats,
      token,
      timelock,
      contracts.epochReports,
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
      timelock,
      authority,
      parameters.minimumStakeAmount,
      parameters.unbondingSeconds,
    ],
    faultProofs: [
      contracts.nodeStaking,
      contracts.nodeRegistry,
      contracts.epochReports,
      contracts.guardian,
      timelock,
      authority,
      parameters.appealSeconds,
    ],
    epochReports: [
      {
        seats: contracts.nodeSeats,
        keys: contracts.nodeRegistry,
        blsVerifier: contracts.blsVerifier,
        distributor: contracts.feeDistributor,
        guardian: contracts.guardian,
        authority,
      },
      parameters.epochSeconds,
      parameters.vetoWindowSeconds,
    ],
    stamps: [
      contracts.postageChannels,
      contracts.epochReports,
      token,
      timelock,
      authority,
      parameters.stampRecipientsBps,
      parameters.silentStampBps,
    ],
    blsVerifier: [],
    rateRegistry: [timelock, parameters.stampPriceAmount, firstRates],
    ed25519Verifier: [],
    identityVerifier: [contracts.ed25519Verifier],
    identityRegistry: [authority, contracts.identityVerifier],
    commitBroadcaster: [authority],
    votingPower: [contracts.postageToken, contracts.nodeStaking],
    postageGovernor: [
      { votingPower: contracts.votingPower, timelock, guardian: contracts.guardian },
      {
        supply: genesis.reduce((sum, { amount }) => sum + amount, 0n),
        proposalThresholdAmount: parameters.proposalThresholdAmount,
        votingDelaySeconds: parameters.votingDelaySeconds,
        votingPeriodSeconds: parameters.votingPeriodSeconds,
        lateExtensionSeconds: parameters.lateExtensionSeconds,
        quorumPercent: parameters.quorumPercent,
      },
    ],
    guardian: [
      timelock,
      contracts.postageGovernor,
      contracts.faultProofs,
      contracts.epochReports,
      parameters.guardianKeyholder ?? signer,
    ],
  };
}

const STAMP_WINDOW_SECONDS = 7 * 24 * 3_600;

/** What a stamp hold has to outlast, so that a signed stamp can still be charged: protocol 2.11. */
export function minStampHoldSeconds({
  epochSeconds,
  vetoWindowSeconds,
}: Pick<DeploymentParameters, "epochSeconds" | "vetoWindowSeconds">): number {
  return STAMP_WINDOW_SECONDS + 2 * epochSeconds + vetoWindowSeconds;
}
