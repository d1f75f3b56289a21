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
  bearer?: string,
): Promise<XmtpClient> {
  const made = await createXmtpClient(gatewayUrl, wallet, bearer);
  const request = made.client.createInboxSignatureRequest();
  if (!request) throw new Error("the client is registered already");
  await request.addEcdsaSignature(getBytes(await wallet.signMessage(await request.signatureText())));
  await made.client.registerIdentity(request);
  return made;
}

/** The same, not registered yet. */
export async function createXmtpClient(gatewayUrl: string, wallet: BaseWallet, bearer?: string): Promise<XmtpClient> {
  const identifier = { identifier: wallet.address.toLowerCase(), identifierKind: xmtp.IdentifierKind.Ethereum };
  return { client: await openXmtpClient(gatewayUrl, identifier, bearer), wallet, identifier };
}

/**
 * A new installation for the first inbox of a wallet or passkey, not registered yet.
 * @param bearer what its gateway knows the user by
 */
export async function openXmtpClient(
  gatewayUrl: string,
  identifier: xmtp.Identifier,
  bearer?: string,
): Promise<xmtp.Client> {
  await load();
  const made = new xmtp.BackendBuilder(xmtp.XmtpEnv.Local);
  const builder = made.setGatewayHost(gatewayUrl) ?? made;
  if (bearer !== undefined) builder.authCallback({ on_auth_required: async () => credentialOf(bearer) });
  const backend = builder.build();
  const inboxId = xmtp.generateInboxId(identifier, 1n);
  return xmtp.createClientWithBackend(
    ...([backend, inboxId, identifier, undefined, undefined, xmtp.DeviceSyncMode.Disabled] as const),
  );
}

function credentialOf(bearer: string): xmtp.Credential {
  const expiresAtSeconds = BigInt(Math.floor(Date.now() / 1_000) + 3_600);
  return { name: "authorization", value: `Bearer ${bearer}`, expiresAtSeconds };
}

/** Where libxmtp asks smart accounts of chain 31337. Native clients take ANVIL_URL instead; here is no environment. */
const CLIENTS_CHAIN = "http://localhost:8545";

/** From now on the clients of this process reach a local chain where they expect one. */
export function giveClientsChain(rpcUrl: string): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (new URL(request.url).origin !== CLIENTS_CHAIN) return fetch(request);
    const { method, headers } = request;
    return fetch(rpcUrl, { method, headers, body: await request.text() });
  };
}

/** Texts of a conversation as a client decrypted them, oldest first. */
export async function readTexts(conversation: xmtp.Conversation): Promise<string[]> {
  const messages = await conversation.findEnrichedMessages();
  return messages.flatMap(({ content }) => {
    const text = (content as { content?: unknown }).content;
    return typeof text === "string" ? [text] : [];
  });
}
