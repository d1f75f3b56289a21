import { readFileSync } from "node:fs";

import init, * as xmtp from "@xmtp/wasm-bindings";
import type { BaseWallet } from "ethers";
import { Wallet, getBytes } from "ethers";

let loaded: Promise<unknown> | undefined;

function load(): Promise<unknown> {
  const wasm = new URL("bindings_wasm_bg.wasm", import.meta.resolve("@xmtp/wasm-bindings"));
  return (loaded ??= init({ module_or_path: readFileSync(wasm) }));
}

export interface XmtpClient {
  client: xmtp.Client;
  wallet: BaseWallet;
  identifier: xmtp.Identifier;
}

/** A stock libxmtp client with a new wallet, registered through a gateway. Its database is in memory. */
export async function registerXmtpClient(
  gatewayUrl: string,
  wallet: BaseWallet = Wallet.createRandom(),
): Promise<XmtpClient> {
  const made = await createXmtpClient(gatewayUrl, wallet);
  const request = made.client.createInboxSignatureRequest();
  if (!request) throw new Error("the client is registered already");
  await request.addEcdsaSignature(getBytes(await wallet.signMessage(await request.signatureText())));
  await made.client.registerIdentity(request);
  return made;
}

/** The same, not registered yet. */
export async function createXmtpClient(gatewayUrl: string, wallet: BaseWallet): Promise<XmtpClient> {
  await load();
  const builder = new xmtp.BackendBuilder(xmtp.XmtpEnv.Local);
  const backend = (builder.setGatewayHost(gatewayUrl) ?? builder).build();
  const identifier = { identifier: wallet.address.toLowerCase(), identifierKind: xmtp.IdentifierKind.Ethereum };
  const inboxId = xmtp.generateInboxId(identifier, 1n);
  const client = await xmtp.createClientWithBackend(
    ...([backend, inboxId, identifier, undefined, undefined, xmtp.DeviceSyncMode.Disabled] as const),
  );
  return { client, wallet, identifier };
}

/** Texts of a conversation as a client decrypted them, oldest first. */
export async function readTexts(conversation: xmtp.Conversation): Promise<string[]> {
  const messages = await conversation.findEnrichedMessages();
  return messages.flatMap(({ content }) => {
    const text = (content as { content?: unknown }).content;
    return typeof text === "string" ? [text] : [];
  });
}
