import type { Contracts } from "../contracts/connectContracts.ts";
import { ADMISSIONS, minStampHoldSeconds } from "./constructorArguments.ts";
import type { NetworkParameters } from "./networkParameters.ts";
import type { Check } from "./verifyDeployment.ts";
import { inArea } from "./verifyDeployment.ts";

/** Every parameter as the chain has it now, against the reviewed file. */
export async function parameterChecks(
  handles: Contracts,
  { parameters }: Pick<NetworkParameters, "parameters">,
): Promise<Check[]> {
  const {
    postageChannels,
    feeDistributor,
    nodeRegistry,
    nodeSeats,
    nodeStaking,
    faultProofs,
    epochReports,
    stamps,
    rateRegistry,
  } = handles;
  const { timelock, postageGovernor, postageToken, guardian } = handles;
  const channels = await postageChannels.parameters();
  const rates = await ratesInForce(handles);
  const shares = await stamps.shares();
  const { firstRates } = parameters;
  const supply = parameters.allocations.reduce((sum, { amount }) => sum + amount, 0n);
  const values: [name: string, actual: bigint | string, expected: bigint | number | string][] = [
    ["withdrawalDelaySeconds", channels.withdrawalDelaySeconds, parameters.withdrawalDelaySeconds],
    ["stampHoldSeconds", channels.stampHoldSeconds, parameters.stampHoldSeconds],
    ["least stampHoldSeconds", await postageChannels.minStampHoldSeconds(), minStampHoldSeconds(parameters)],
    ["minimumDepositAmount", channels.minimumDeposit, parameters.minimumDepositAmount],
    ["settlerBountyBps", channels.bountyBps, parameters.settlerBountyBps],
    ["settlerBountyCapAmount", channels.bountyCap, parameters.settlerBountyCapAmount],
    ["treasuryBps", await feeDistributor.treasuryBps(), parameters.treasuryBps],
    ["epochSeconds of FeeDistributor", await feeDistributor.epochSeconds(), parameters.epochSeconds],
    ["epochSeconds of NodeRegistry", await nodeRegistry.epochSeconds(), parameters.epochSeconds],
    ["epochSeconds of NodeSeats", await nodeSeats.epochSeconds(), parameters.epochSeconds],
    ["maxSeats", await nodeSeats.maxSeats(), parameters.maxSeats],
    ["admission", ADMISSIONS[Number(await nodeSeats.admission())] ?? "unknown", parameters.admission],
    ["minimumStakeAmount", await nodeStaking.minimumStake(), parameters.minimumStakeAmount],
    ["unbondingSeconds", await nodeStaking.unbondingSeconds(), parameters.unbondingSeconds],
    ["appealSeconds", await faultProofs.appealSeconds(), parameters.appealSeconds],
    ["vetoWindowSeconds", await epochReports.vetoWindowSeconds(), parameters.vetoWindowSeconds],
    ["shards", await epochReports.shards(), 1],
    ["stampPriceAmount", await rateRegistry.stampPrice(), parameters.stampPriceAmount],
    ["stampRecipientsBps", shares.recipientsBps, parameters.stampRecipientsBps],
    ["silentStampBps", shares.silentBps, parameters.silentStampBps],
    ["messageFeePico in force", rates.messageFee, firstRates.messageFeePico],
    ["storageFeePicoPerByteDay in force", rates.storageFee, firstRates.storageFeePicoPerByteDay],
    ["congestionFeePicoPerUnit in force", rates.congestionFee, firstRates.congestionFeePicoPerUnit],
    ["targetRatePerMinute in force", rates.targetRatePerMinute, firstRates.targetRatePerMinute],
    ["timelockDelaySeconds", await timelock.getMinDelay(), parameters.timelockDelaySeconds],
    ["votingDelaySeconds", await postageGovernor.votingDelay(), parameters.votingDelaySeconds],
    ["votingPeriodSeconds", await postageGovernor.votingPeriod(), parameters.votingPeriodSeconds],
    ["lateExtensionSeconds", await postageGovernor.lateQuorumVoteExtension(), parameters.lateExtensionSeconds],
    ["proposalThresholdAmount", await postageGovernor.proposalThreshold(), parameters.proposalThresholdAmount],
    ["quorumPercent", await postageGovernor["quorumNumerator()"](), parameters.quorumPercent],
    ["supply of the stake token", await postageToken.totalSupply(), supply],
    ["guardianKeyholder", await guardian.keyholder(), parameters.guardianKeyholder],
  ];
  return inArea(
    "parameters",
    values.map(([name, actual, expected]) => [name, actual, String(expected)]),
  );
}

async function ratesInForce({ rateRegistry }: Contracts) {
  const count = await rateRegistry.getRatesCount();
  const provider = rateRegistry.runner!.provider!;
  const now = BigInt((await provider.getBlock("latest"))!.timestamp);
  // Few rates are ever scheduled ahead of time: nearly always the first answer.
  for (let index = count - 1n; ; index--) {
    const [rates] = await rateRegistry.getRates(index, 1n);
    if (rates!.startTime <= now || index === 0n) return rates!;
  }
}
