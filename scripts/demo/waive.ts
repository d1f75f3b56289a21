import type { Client } from "@xmtp/wasm-bindings";

import { installationSigner } from "../../src/client/stamps/noteSigner.ts";
import { createWaiver } from "../../src/client/stamps/waivers.ts";
import type { PostageDomain } from "../../src/protocol/voucher.ts";

/** Whose welcomes need no stamp. */
export interface WaiveFor {
  payer: string;
  domain: PostageDomain;
}

/**
 * What an app does when somebody registers: the new inbox waives stamps of the app's own payer, so that its users write
 * to each other, and to their own devices, for nothing. The installation signs, and the gateway keeps the waiver.
 */
export async function waiveForOwnApp(client: Client, gatewayUrl: string, { payer, domain }: WaiveFor): Promise<void> {
  const { inboxId, installationId, installationIdBytes } = client;
  const own = {
    domain,
    inbox: `0x${inboxId}` as const,
    signer: installationSigner(installationIdBytes, (text) => client.signWithInstallationKey(text)),
    nowMs: Date.now(),
  };
  const { text } = await createWaiver({ payer }, own, new AbortController().signal);
  await handWaiver(gatewayUrl, text, [installationId]);
}

/** Hands a waiver to the gateway that may use it, with the installations of whoever signed it. */
export async function handWaiver(gatewayUrl: string, waiver: string, installations: string[]): Promise<void> {
  const body = JSON.stringify({ waiver, installations });
  const response = await fetch(`${gatewayUrl}/waivers`, { method: "POST", body });
  if (!response.ok) throw new Error(`the gateway takes no waiver: ${await response.text()}`);
}
