import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Reply {
  id: number;
  value?: unknown;
  problem?: string;
}

/** A process with a stock XMTP client: clients never stop by themselves. */
export interface ClientProcess {
  /** Rejects with what the client said when it fails. */
  call: <T>(command: string, ...args: unknown[]) => Promise<T>;
  leave: () => void;
}

/** Starts a script beside this one; what libxmtp logs goes to a file. */
export function startClientProcess(script: string, directory: string, name: string): ClientProcess {
  const program = fileURLToPath(new URL(script, import.meta.url));
  const log = openSync(join(directory, `${name}.log`), "a");
  const child = spawn(process.execPath, ["--import", "tsx", program], { stdio: ["ignore", log, log, "ipc"] });
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
  return {
    call: <T>(command: string, ...args: unknown[]) =>
      new Promise<T>((resolve, reject) => {
        const id = next++;
        waiting.set(id, { resolve: (value) => resolve(value as T), reject });
        child.send({ id, command, args });
      }),
    leave: () => void child.kill("SIGKILL"),
  };
}
