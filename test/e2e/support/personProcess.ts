/** One person with a stock XMTP client, in a process of its own, told what to do over IPC. See person.ts. */
import { Wallet } from "ethers";

import { readTexts, registerXmtpClient } from "../../../scripts/local/xmtpClient.ts";
import type { XmtpClient } from "../../../scripts/local/xmtpClient.ts";

let person: XmtpClient | undefined;
const conversations = () => person!.client.conversations();

const COMMANDS: Record<string, (...args: string[]) => Promise<unknown>> = {
  async register(gatewayUrl) {
    person = await registerXmtpClient(gatewayUrl, Wallet.createRandom());
    return person.client.inboxId;
  },
  async openDm(inboxId) {
    return (await conversations().createDmByInboxId(inboxId)).id();
  },
  async formGroup(inboxId) {
    return (await conversations().createGroupByInboxIds([inboxId])).id();
  },
  async send(conversationId, text) {
    await conversations().findGroupById(conversationId).sendText(text);
  },
  async publishPending(conversationId) {
    await conversations().findGroupById(conversationId).publishMessages();
  },
  async read(conversationId) {
    await conversations().sync();
    const conversation = conversations().findGroupById(conversationId);
    await conversation.sync();
    return readTexts(conversation);
  },
};

process.on("message", ({ id, command, args }: { id: number; command: string; args: string[] }) => {
  COMMANDS[command]!(...args).then(
    (value) => process.send!({ id, value }),
    (error: unknown) => process.send!({ id, problem: String(error) }),
  );
});
