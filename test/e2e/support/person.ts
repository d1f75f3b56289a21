import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./personProcess.ts", import.meta.url));

/** Somebody with a stock XMTP client. Every call rejects with what the client said when it fails. */
export interface Person {
  register(gatewayUrl: string): Promise<string>;
  openDm(inboxId: string): Promise<string>;
  formGroup(inboxId: string): Promise<string>;
  send(conversationId: string, text: string): Promise<void>;
  /** Sends what an earlier failure left unsent. */
  publishPending(conversationId: string): Promise<void>;
  /** All texts of a conversation, after a sync. */
  read(conversationId: string): Promise<string[]>;
  leave(): void;
}

interface Reply {
  id: number;
  value?: unknown;
  problem?: string;
}

/** Starts a client in its own process; what libxmtp logs goes to a file. */
export function startPerson(directory: string, name: string): Person {
  const log = openSync(join(directory, `${name}.log`), "a");
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM], { stdio: ["ignore", log, log, "ipc"] });
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let next = 0;
  child.on("message", ({ id, value, problem }: Reply) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (problem === undefined) call?.resolve(value);
    else call?.reject(new Error(problem));
  });
  child.once("exit", () => {
    for (const { reject } of waiting.values()) reject(new Error(`${name} is gone`));
  });
  const call = <T>(command: string, ...args: string[]) =>
    new Promise<T>((resolve, reject) => {
      const id = next++;
      waiting.set(id, { resolve: (value) => resolve(value as T), reject });
      child.send({ id, command, args });
    });
  return {
    register: (gatewayUrl) => call("register", gatewayUrl),
    openDm: (inboxId) => call("openDm", inboxId),
    formGroup: (inboxId) => call("formGroup", inboxId),
    send: (conversationId, text) => call("send", conversationId, text),
    publishPending: (conversationId) => call("publishPending", conversationId),
    read: (conversationId) => call("read", conversationId),
    leave: () => void child.kill("SIGKILL"),
  };
}
