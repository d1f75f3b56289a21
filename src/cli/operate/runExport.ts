import { join } from "node:path";

import { json } from "../../commands/core/print.ts";
import { connectContracts } from "../../contracts/connectContracts.ts";
import { loadDeployment } from "../../contracts/loadDeployment.ts";
import { connectEndpoints } from "../../contracts/rpc/connectEndpoints.ts";
import { openLedgerReader } from "../../daemon/store/ledgerReader.ts";
import { systemClock as clock } from "../../platform/clock.ts";
import type { Output } from "../../platform/output.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import { ConfigError } from "../config/readSettings.ts";
import { LEDGER } from "../storage.ts";
import { exportBooks } from "./export.ts";

export interface ExportTyped {
  config: string;
  directory: string;
  from?: string;
  to?: string;
  json?: boolean;
}

/** Answers the exit code: 1 when ledger, chain and events differ. */
export async function runExport({ config }: OperatorConfig, typed: ExportTyped, output: Output): Promise<number> {
  const record = loadDeployment(config.deployment);
  const rpc = connectEndpoints({ urls: config.rpcUrls, chainId: record.chainId, clock, pollingMs: 1_000 });
  const reader = openLedgerReader(config.databaseUrl ?? join(config.dataDirectory, LEDGER));
  try {
    const result = await exportBooks({
      ...{ nodeId: config.nodeId, ledger: reader.ledger, deploymentBlock: record.deploymentBlock },
      contracts: connectContracts(record, rpc.provider),
      timeOf: async (block) => (await rpc.provider.getBlock(block))!.timestamp,
      from: blockOf("from", typed.from) ?? record.deploymentBlock,
      to: blockOf("to", typed.to),
      directory: typed.directory,
    });
    if (typed.json) output.out(json(result));
    else output.out(sentences(result, typed.directory).join("\n"));
    return result.differences.length === 0 ? 0 : 1;
  } finally {
    await reader.close();
    rpc.destroy();
  }
}

function sentences(
  { from, to, channels, settlements, claims, totals, differences }: Awaited<ReturnType<typeof exportBooks>>,
  directory: string,
): string[] {
  return [
    `${directory}: ${channels} channels; ${settlements} settlements and ${claims} claims of blocks ${from} to ${to}`,
    `settled: ${totals.settledInLedger} in the ledger, ${totals.settledOnChain} on chain, ${totals.collectedByEvents} by events`,
    ...(differences.length === 0 ? ["all agree"] : differences),
  ];
}

function blockOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new ConfigError(`--${name} "${text}" is not a block number`);
}
