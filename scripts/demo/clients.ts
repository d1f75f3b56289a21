/**
 * Two people with stock XMTP clients, in a process of their own: they register, open a DM, form a group and talk. The
 * demo starts it and hears of its progress over IPC; what libxmtp logs goes to a file.
 */
import type * as xmtp from "@xmtp/wasm-bindings";

import type { XmtpClient } from "../local/xmtpClient.ts";
import { readTexts, registerXmtpClient } from "../local/xmtpClient.ts";
import type { WaiveFor } from "./waive.ts";
import { waiveForOwnApp } from "./waive.ts";

export interface ClientsOrder {
  gatewayUrl: string;
  messages: number;
  /** On a network with stamps: whose welcomes both take without one. */
  waiveFor?: WaiveFor;
}

export type ClientsReport =
  | { kind: "progress"; text: string }
  /** Half of the messages are sent; the clients wait for an answer, any, before they go on. */
  | { kind: "half" }
  | { kind: "done"; sent: number; read: number }
  | { kind: "failed"; problem: string };

/** Messages that a client sends before the next one waits for them. */
const AT_ONCE = 8;
const MOST_SYNCS = 1_000;

const report = (message: ClientsReport) => process.send!(message);
const progress = (text: string) => report({ kind: "progress", text });
const answer = () => new Promise<void>((resolve) => process.once("message", () => resolve()));

async function conversationOf(person: XmtpClient, id: string): Promise<xmtp.Conversation> {
  await person.client.conversations().sync();
  return person.client.conversations().findGroupById(id);
}

/** Sends texts from both sides of a conversation, a few at a time. */
async function talk(sides: xmtp.Conversation[], texts: string[], say: (sent: number) => void): Promise<void> {
  for (let i = 0; i < texts.length; i += AT_ONCE) {
    const some = texts.slice(i, i + AT_ONCE);
    await Promise.all(
      sides.map((side, k) =>
        sendInTurn(
          side,
          some.filter((_, j) => j % sides.length === k),
        ),
      ),
    );
    say(i + some.length);
  }
}

async function sendInTurn(side: xmtp.Conversation, texts: string[]): Promise<void> {
  for (const text of texts) await side.sendText(text);
}

/** What a side has decrypted; a sync reads one page, so it is called until nothing is missing. */
async function readAll(side: xmtp.Conversation, expected: ReadonlySet<string>): Promise<number> {
  for (let i = 0; i < MOST_SYNCS; i++) {
    await side.sync();
    const read = new Set(await readTexts(side));
    const missing = [...expected].filter((text) => !read.has(text));
    if (missing.length === 0) return expected.size;
    if (i > expected.size) throw new Error(`${missing.length} messages never arrived, the first is "${missing[0]}"`);
  }
  throw new Error("the conversation never came to an end");
}

async function run({ gatewayUrl, messages, waiveFor }: ClientsOrder): Promise<void> {
  const alice = await registerXmtpClient(gatewayUrl);
  const bob = await registerXmtpClient(gatewayUrl);
  progress(
    `Alice and Bob registered: inboxes ${alice.client.inboxId.slice(0, 8)}.. and ${bob.client.inboxId.slice(0, 8)}..`,
  );
  if (waiveFor) {
    for (const { client } of [alice, bob]) await waiveForOwnApp(client, gatewayUrl, waiveFor);
    progress("both waive stamps of their app: its users write to each other for postage alone");
  }
  const dm = await alice.client.conversations().createDmByInboxId(bob.client.inboxId);
  const dmOfBob = await conversationOf(bob, dm.id());
  progress("DM open");
  const inDm = texts("dm", Math.ceil(messages / 2));
  await talk([dm, dmOfBob], inDm, (sent) => progress(`${sent} of ${messages} messages sent`));
  report({ kind: "half" });
  await answer();
  const group = await alice.client.conversations().createGroupByInboxIds([bob.client.inboxId]);
  const groupOfBob = await conversationOf(bob, group.id());
  progress("group formed");
  const inGroup = texts("group", messages - inDm.length);
  await talk([group, groupOfBob], inGroup, (sent) => progress(`${inDm.length + sent} of ${messages} messages sent`));
  let read = 0;
  for (const side of [dm, dmOfBob]) read += await readAll(side, new Set(inDm));
  for (const side of [group, groupOfBob]) read += await readAll(side, new Set(inGroup));
  report({ kind: "done", sent: messages, read });
}

function texts(place: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${place} ${i}: a penny for your thoughts`);
}

process.once("message", (order: ClientsOrder) => {
  run(order).catch((error: unknown) => report({ kind: "failed", problem: String(error) }));
});
