import { formatEther, formatUnits } from "ethers";

import { contractName } from "./contractAddresses.ts";
import type { Plan } from "./plan.ts";
import { aligned } from "./status.ts";
import { STAGES } from "./steps.ts";

/** A plan for the people who decide on it. */
export function planLines(plan: Plan): string[] {
  const { deployment, steps, owners } = plan;
  const { network, token } = deployment;
  const left = steps.filter(({ isDone }) => !isDone);
  const rows = steps.map(({ step, isDone, gas }) => [
    step.stage,
    isDone ? "done" : `${gas} gas`,
    step.key ? contractName(step.key) : step.id,
    step.address ?? "",
    step.key ? "" : step.words,
  ]);
  return [
    `${network.network} (chain ${network.chain.chainId}): ${left.length} of ${steps.length} steps are left`,
    `Fee token ${token}; each of the stages ${STAGES.join(", ")} is ${finalityWords(plan)} before the next one begins.`,
    "",
    ...aligned(rows),
    "",
    "When it is done:",
    ...owners.map((sentence) => `- ${sentence}`),
    "",
    ...aligned(costRows(plan)),
    "",
    "It may be stopped anywhere and run again. What is paid for gas does not come back; nobody deposits anything here.",
    "What is deployed cannot be taken back: a mistake in the parameters means a new suite, or a vote within the bounds.",
    `Plan ${plan.digest}`,
  ];
}

function finalityWords({ deployment: { network } }: Plan): string {
  const { finality } = network.chain;
  return "tag" in finality ? finality.tag : `${finality.confirmations} blocks deep`;
}

function costRows(plan: Plan): string[][] {
  const { deployment, gas, gasPriceWei, dataFeeWei, valueWei, costWei, neededWei, balanceWei } = plan;
  return [
    ["gas", `${gas} at ${formatUnits(gasPriceWei, "gwei")} gwei`],
    ...(dataFeeWei > 0n ? [["data fee", formatEther(dataFeeWei)]] : []),
    ...(valueWei > 0n ? [["sent along", formatEther(valueWei)]] : []),
    ["costs now", formatEther(costWei)],
    ["to have ready", `${formatEther(neededWei)}, for prices that move`],
    [
      `${deployment.network.chain.deployer} has`,
      `${formatEther(balanceWei)}${balanceWei < neededWei ? ": NOT ENOUGH" : ""}`,
    ],
  ];
}

/** The same for programs: amounts are decimal strings of wei. */
export function planJson(plan: Plan): object {
  const { deployment, steps, owners, digest } = plan;
  const amounts = (["gas", "gasPriceWei", "dataFeeWei", "valueWei", "costWei", "neededWei", "balanceWei"] as const).map(
    (name) => [name, plan[name].toString()],
  );
  return {
    network: deployment.network.network,
    chainId: deployment.network.chain.chainId,
    deployer: deployment.network.chain.deployer,
    create3Deployer: deployment.suite.deployer,
    token: deployment.token,
    contracts: deployment.suite.addresses,
    digest,
    owners,
    steps: steps.map(({ step: { id, stage, words, address, call }, isDone, gas }) => {
      return { id, stage, words, address, isDone, gas: gas.toString(), call: printable(call) };
    }),
    ...(Object.fromEntries(amounts) as object),
  };
}

function printable(call: Plan["steps"][number]["step"]["call"]): object {
  return "raw" in call ? call : { ...call, value: (call.value ?? 0n).toString() };
}
