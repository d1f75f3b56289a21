import type { Client } from "@xmtp/wasm-bindings";

import { readTexts } from "../../../scripts/local/xmtpClient.ts";

// What a command takes is between the two ends of the channel.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Commands = Record<string, (...args: any[]) => Promise<unknown>>;

/** What every client can be told to do with its conversations. */
export function conversationCommands(client: () => Client): Commands {
  const conversations = () => client().conversations();
  return {
    async openDm(inboxId: string) {
      return (await conversations().createDmByInboxId(inboxId)).id();
    },
    async formGroup(inboxId: string) {
      return (await conversations().createGroupByInboxIds([inboxId])).id();
    },
    async send(conversationId: string, text: string) {
      await conversations().findGroupById(conversationId).sendText(text);
    },
    async publishPending(conversationId: string) {
      await conversations().findGroupById(conversationId).publishMessages();
    },
    async read(conversationId: string) {
      await conversations().sync();
      const conversation = conversations().findGroupById(conversationId);
      await conversation.sync();
      return readTexts(conversation);
    },
  };
}

/** Runs what the parent process asks for, and answers each call. */
export function obey(commands: Commands): void {
  process.on("message", ({ id, command, args }: { id: number; command: string; args: unknown[] }) => {
    commands[command]!(...args).then(
      (value) => process.send!({ id, value }),
      (error: unknown) => process.send!({ id, problem: String(error) }),
    );
  });
}
