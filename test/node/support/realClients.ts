/** Two stock clients that talk through a gateway. Prints what they saw as the last line of its output. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import init, * as xmtp from "@xmtp/wasm-bindings";

import { addressOf, signDigest } from "../../../src/protocol/ecdsa.ts";
import { personalMessageDigest } from "../../../src/protocol/identity/signature.ts";

const WASM = "../../../node_modules/@xmtp/wasm-bindings/dist/bindings_wasm_bg.wasm";

async function register(gatewayUrl: string, key: Uint8Array): Promise<xmtp.Client> {
  const identifier = { identifier: addressOf(key), identifierKind: xmtp.IdentifierKind.Ethereum };
  const builder = new xmtp.BackendBuilder(xmtp.XmtpEnv.Local);
  const backend = (builder.setGatewayHost(gatewayUrl) ?? builder).build();
  const inboxId = xmtp.generateInboxId(identifier, 1n);
  const disabled = xmtp.DeviceSyncMode.Disabled;
  const client = await xmtp.createClientWithBackend(backend, inboxId, identifier, undefined, undefined, disabled);
  const request = client.createInboxSignatureRequest()!;
  await request.addEcdsaSignature(signDigest(personalMessageDigest(await request.signatureText()), key));
  await client.registerIdentity(request);
  return client;
}

async function textsOf(conversation: xmtp.Conversation): Promise<string[]> {
  await conversation.sync();
  const messages = (await conversation.findEnrichedMessages()) as unknown as { content: { content: unknown } }[];
  return messages.map(({ content }) => content.content).filter((content) => typeof content === "string");
}

async function main(gatewayUrl: string): Promise<void> {
  await init({ module_or_path: readFileSync(new URL(WASM, import.meta.url)) });
  const alice = await register(gatewayUrl, new Uint8Array(32).fill(0x71));
  const bob = await register(gatewayUrl, new Uint8Array(32).fill(0x72));
  const toBob = await alice.conversations().createDmByInboxId(bob.inboxId);
  await toBob.sendText("hello");
  await bob.conversations().sync();
  const [entry] = bob.conversations().list() as { conversation: xmtp.Conversation }[];
  const toAlice = entry!.conversation;
  await toAlice.sync();
  await toAlice.sendText("hello back");
  await toBob.sync();

  const streamed: string[] = [];
  let arrived = () => {};
  const first = new Promise<void>((resolve) => (arrived = resolve));
  bob.conversations().streamAllMessages({
    on_message: (message: xmtp.Message) => {
      streamed.push(new TextDecoder().decode(message.content.content));
      arrived();
    },
    on_error: (error: unknown) => process.stderr.write(`${String(error)}\n`),
    on_close: () => {},
  });
  // Sent when the stream may still be opening: history and live together must bring it.
  await toBob.sendText("streamed");
  await first;

  const texts = { alice: await textsOf(toBob), bob: await textsOf(toAlice) };
  process.stdout.write(`\n${JSON.stringify({ texts, streamed })}\n`, () => process.exit(0));
}

// The test runner loads every file under test/; only a process of its own has clients.
if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2]!);
