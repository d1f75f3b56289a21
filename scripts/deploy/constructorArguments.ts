import type { ContractKey } from "../../src/contracts/abis.ts";
import type { DeploymentParameters } from "./parameters.ts";

/** Addresses known before anything is deployed. */
export interface KnownAddresses {
  contracts: Record<ContractKey, string>;
  token: string;
  /** Stands in for what the parameters leave open. */
  signer: string;
}

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
  return {
    postageChannels: [token, contracts.feeDistributor, channelTerms],
    feeDistributor: [
      contracts.postageChannels,
      contracts.nodeRegistry,
      token,
      parameters.treasury ?? signer,
      parameters.epochSeconds,
      parameters.treasuryBps,
    ],
    nodeRegistry: [contracts.nodeBond, parameters.epochSeconds, parameters.maxSeats],
    nodeBond: [parameters.bondToken ?? token, contracts.nodeRegistry, parameters.bondAmount],
    rateRegistry: [parameters.governor ?? signer, parameters.stampPriceAmount, firstRates],
    identityRegistry: [],
    commitBroadcaster: [],
  };
}
