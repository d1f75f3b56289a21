import { lookIntoStore } from "../client/adapters/openStore.ts";
import { CommandError } from "../commands/core/errors.ts";
import type { GatewayStore } from "../index.ts";
import { silentLog } from "../platform/log.ts";
import type { GatewayConfig } from "./config/gatewayConfig.ts";

/** The store of a gateway that has run with these settings. Throws CommandError `bad_file` where there is none. */
export async function openPayerStore(config: GatewayConfig): Promise<GatewayStore> {
  const store = await lookIntoStore(config, silentLog);
  if (!("missing" in store)) return store;
  throw new CommandError("bad_file", `there is no ${store.missing}: give the settings of a gateway that has run here`);
}
