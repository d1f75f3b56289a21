/**
 * Two people with native clients (libxmtp as a Node addon, gRPC over HTTP/2), in a process of their own: they register,
 * open a DM and a group, and write to each other both ways. Prints what each read as its last line, as JSON.
 * Usage: talk.ts <folder with @xmtp/node-sdk> <gateway url> <messages>
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { Wallet, getBytes } from "ethers";

/** The part of @xmtp/node-sdk that is used here; it is no dependency of the project. */
interface Conversation {
  id: string;
  sendText(text: string): Promise<string>;
  sync(): Promise<unknown>;
  messages(): Promise<{ content: unknown }[]>;
}

interface Client {
  inboxId: string;
  conversations: {
    createDm(inboxId: string): Promise<Conversation>;
    createGroup(inboxIds: string[]): Promise<Conversation>;
    sync(): Promise<unknown>;
    getConversationById(id: string): Promise<Conversation | undefined>;
  };
}

interface Sdk {
  Client: { create(signer: object, options: object): Promise<Client> };
  IdentifierKind: { Ethereum: number };
}

const [folder, gatewayUrl, count] = process.argv.slice(2) as [string, string, string];
const entry = pathToFileURL(join(folder, "node_modules/@xmtp/node-sdk/dist/index.js")).href;
const { Client, IdentifierKind } = (await import(entry)) as Sdk;

function person(): Promise<Client> {
  const wallet = Wallet.createRandom();
  const signer = {
    type: "EOA",
    getIdentifier: () => ({ identifier: wallet.address.toLowerCase(), identifierKind: IdentifierKind.Ethereum }),
    signMessage: async (text: string) => getBytes(await wallet.signMessage(text)),
  };
  const options = {
    env: "local",
    gatewayHost: gatewayUrl,
    dbPath: null,
    disableDeviceSync: true,
    historySyncUrl: null,
  };
  return Client.create(signer, options);
}

async function sameOf(client: Client, { id }: Conversation): Promise<Conversation> {
  await client.conversations.sync();
  const found = await client.conversations.getConversationById(id);
  if (!found) throw new Error(`conversation ${id} did not arrive`);
  return found;
}

async function readAll(side: Conversation, expected: number): Promise<number> {
  let texts = new Set<string>();
  for (let i = 0; i < 50 && texts.size < expected; i++) {
    await side.sync();
    const contents = (await side.messages()).map(({ content }) => content);
    texts = new Set(
      contents.filter((content) => typeof content === "string" && content.startsWith("penny")) as string[],
    );
  }
  return texts.size;
}

const [alice, bob] = [await person(), await person()];
const results: Record<string, number[]> = {};
for (const kind of ["dm", "group"]) {
  const { conversations } = alice;
  const ofAlice = await (kind === "dm"
    ? conversations.createDm(bob.inboxId)
    : conversations.createGroup([bob.inboxId]));
  const ofBob = await sameOf(bob, ofAlice);
  const sides = [ofAlice, ofBob];
  for (let n = 0; n < Number(count); n++) await sides[n % 2]!.sendText(`penny ${kind} ${n}`);
  results[kind] = [await readAll(ofAlice, Number(count)), await readAll(ofBob, Number(count))];
}
process.stdout.write(`\n${JSON.stringify(results)}\n`, () => process.exit(0));
