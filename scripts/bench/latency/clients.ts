/** Stock XMTP clients in a process of their own: they time their sends, with and without postage by turns. */
import type * as xmtp from "@xmtp/wasm-bindings";

import { readTexts, registerXmtpClient } from "../../local/xmtpClient.ts";

export interface LatencyOrder {
  withUrl: string;
  withoutUrl: string;
  rounds: number;
}

/** Milliseconds of each send. */
export type LatencyReport = { with: number[]; without: number[] } | { problem: string };

/** Sends that are not counted: connections are opened, code is compiled. */
const WARM_UP = 20;
const MOST_SYNCS = 100;

interface Pair {
  sender: xmtp.Conversation;
  reader: xmtp.Conversation;
  texts: string[];
  took: number[];
}

async function pairOf(gatewayUrl: string): Promise<Pair> {
  const [alice, bob] = [await registerXmtpClient(gatewayUrl), await registerXmtpClient(gatewayUrl)];
  const sender = await alice.client.conversations().createDmByInboxId(bob.client.inboxId);
  await bob.client.conversations().sync();
  return { sender, reader: bob.client.conversations().findGroupById(sender.id()), texts: [], took: [] };
}

async function send({ sender, texts, took }: Pair, isCounted: boolean): Promise<void> {
  const text = `message ${texts.length}: a penny for your thoughts`;
  texts.push(text);
  const began = performance.now();
  await sender.sendText(text);
  if (isCounted) took.push(performance.now() - began);
}

/** What was timed has to have been sent. */
async function checkArrived({ reader, texts }: Pair): Promise<void> {
  for (let i = 0; i < MOST_SYNCS; i++) {
    await reader.sync();
    const read = new Set(await readTexts(reader));
    if (texts.every((text) => read.has(text))) return;
  }
  throw new Error("not every message arrived");
}

async function run({ withUrl, withoutUrl, rounds }: LatencyOrder): Promise<LatencyReport> {
  const [paid, free] = [await pairOf(withUrl), await pairOf(withoutUrl)];
  for (let i = 0; i < WARM_UP + rounds; i++) {
    // Whoever comes second may find something warm.
    for (const pair of i % 2 === 0 ? [paid, free] : [free, paid]) await send(pair, i >= WARM_UP);
  }
  await checkArrived(paid);
  await checkArrived(free);
  return { with: paid.took, without: free.took };
}

process.once("message", (order: LatencyOrder) => {
  run(order).then(
    (report) => process.send!(report),
    (error: unknown) => process.send!({ problem: String(error) } satisfies LatencyReport),
  );
});
