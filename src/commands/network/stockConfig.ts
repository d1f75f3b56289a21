import type { Address } from "../../protocol/bytes.ts";
import { toAddress } from "../../protocol/bytes.ts";
import type { Context } from "../core/context.ts";
import { CommandError } from "../core/errors.ts";
import type { Report, Row } from "../core/plan.ts";
import { json } from "../core/print.ts";
import { asCommandError } from "../core/refusal.ts";

/** One thing that a stock node or gateway asks a contract at its start. */
interface Check {
  key: string;
  address: Address;
  asks: string;
  /** Null when it answers. */
  problem: string | null;
}

/**
 * The JSON that a stock xmtpd node and gateway are configured with, and whether each contract answers what they ask it
 * at their start.
 */
export async function stockConfig(context: Context): Promise<Report> {
  const { record, contracts } = context;
  const { chainId, deploymentBlock } = record;
  const of = (key: keyof typeof record.contracts) => toAddress(record.contracts[key].address);
  const config = {
    settlementChainId: chainId,
    settlementChainDeploymentBlock: deploymentBlock,
    nodeRegistry: of("nodeRegistry"),
    rateRegistry: of("rateRegistry"),
    payerRegistry: of("postageChannels"),
    payerReportManager: of("epochReports"),
    appChainId: chainId,
    appChainDeploymentBlock: deploymentBlock,
    groupMessageBroadcaster: of("commitBroadcaster"),
    identityUpdateBroadcaster: of("identityRegistry"),
  };
  const checks = await Promise.all([
    check(context, "nodeRegistry", config.nodeRegistry, "getAllNodes", () => contracts.nodeRegistry.getAllNodes()),
    check(context, "rateRegistry", config.rateRegistry, "getRatesCount, getRates", () => readFirstRates(context)),
    check(context, "payerRegistry", config.payerRegistry, "DOMAIN_SEPARATOR", () =>
      contracts.postageChannels.DOMAIN_SEPARATOR(),
    ),
    check(context, "payerReportManager", config.payerReportManager, "DOMAIN_SEPARATOR", () =>
      contracts.epochReports.DOMAIN_SEPARATOR(),
    ),
    check(context, "groupMessageBroadcaster", config.groupMessageBroadcaster, "lastSequenceId", () =>
      contracts.commitBroadcaster.lastSequenceId(),
    ),
    check(context, "identityUpdateBroadcaster", config.identityUpdateBroadcaster, "lastSequenceId", () =>
      contracts.identityRegistry.lastSequenceId(),
    ),
  ]);
  const failing = checks.filter(({ problem }) => problem !== null);
  const rows = checks.map(({ key, asks, problem }): Row => [
    key,
    problem === null ? `answers ${asks}` : `MISSING: ${problem}`,
  ]);
  return {
    kind: "report",
    title: failing.length === 0 ? "Every contract answers." : "This configuration is not complete.",
    sections: [{ rows }],
    notes: [],
    file: json(config),
    data: { config, checks, isComplete: failing.length === 0 },
    ...(failing.length > 0 ? { problem: incomplete(failing) } : {}),
  };
}

async function readFirstRates({ contracts: { rateRegistry } }: Context): Promise<void> {
  const count = await rateRegistry.getRatesCount();
  if (count === 0n)
    throw new CommandError("not_answering", "it has no rates, without which a stock node refuses to publish");
  await rateRegistry.getRates(0n, 1n);
}

async function check(
  { provider }: Context,
  key: string,
  address: Address,
  asks: string,
  ask: () => Promise<unknown>,
): Promise<Check> {
  const found = { key, address, asks };
  if ((await provider.getCode(address)) === "0x") {
    return { ...found, problem: `there is no contract at ${address} yet; a stock node asks it ${asks} at its start` };
  }
  try {
    await ask();
    return { ...found, problem: null };
  } catch (error) {
    const known = asCommandError(error);
    if (!known) throw error;
    return { ...found, problem: known.message };
  }
}

function incomplete(failing: Check[]): CommandError {
  const what = failing.map(({ key }) => key).join(", ");
  const advice =
    "a stock node or gateway stops at its start until they are deployed; the reference node needs none of this";
  return new CommandError("not_answering", `not there yet: ${what}: ${advice}`);
}
