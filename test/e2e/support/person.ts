import type { ClientProcess } from "./clientProcess.ts";
import { startClientProcess } from "./clientProcess.ts";

/** What a client can be told to do with its conversations. */
export interface Talker {
  openDm(inboxId: string): Promise<string>;
  formGroup(inboxId: string): Promise<string>;
  send(conversationId: string, text: string): Promise<void>;
  /** Sends what an earlier failure left unsent. */
  publishPending(conversationId: string): Promise<void>;
  /** All texts of a conversation, after a sync. */
  read(conversationId: string): Promise<string[]>;
  leave(): void;
}

/** Somebody with a stock XMTP client. Every call rejects with what the client said when it fails. */
export interface Person extends Talker {
  register(gatewayUrl: string, bearer?: string): Promise<string>;
}

export function talker({ call, leave }: ClientProcess): Talker {
  return {
    openDm: (inboxId) => call("openDm", inboxId),
    formGroup: (inboxId) => call("formGroup", inboxId),
    send: (conversationId, text) => call("send", conversationId, text),
    publishPending: (conversationId) => call("publishPending", conversationId),
    read: (conversationId) => call("read", conversationId),
    leave,
  };
}

/** Starts a client in its own process. */
export function startPerson(directory: string, name: string): Person {
  const client = startClientProcess("./personProcess.ts", directory, name);
  return { ...talker(client), register: (...how) => client.call("register", ...how) };
}
