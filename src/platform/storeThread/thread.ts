import type { MessagePort } from "node:worker_threads";
import { parentPort, workerData } from "node:worker_threads";

import type { Log } from "../log.ts";
import type { Call, LogMethod, Report, Shape } from "./messages.ts";
import { LOG_METHODS, compact, packError } from "./messages.ts";
import type { OpenStore, StoreThreadData } from "./storeThread.ts";

// What runs in a store's thread, see storeThread.ts.

type Methods = Record<string, (...args: readonly unknown[]) => unknown>;

async function serve(port: MessagePort, { module, data }: StoreThreadData): Promise<void> {
  const report = (message: Report) => port.postMessage(message);
  let store: Methods;
  try {
    const { open } = (await import(module)) as { open: OpenStore };
    store = (await open(data as never, forwarded(report))) as Methods;
    report({ kind: "opened", shape: shapeOf(store) });
  } catch (error) {
    report({ kind: "unopened", error: packError(error) });
    return port.close();
  }
  const running = new Set<Promise<void>>();
  const run = async ({ id, part, method, args }: Call) => {
    try {
      const owner = part === undefined ? store : (store[part] as unknown as Methods);
      report({ kind: "done", id, value: compact(await owner[method]!(...args)) });
    } catch (error) {
      report({ kind: "failed", id, error: packError(error) });
    }
  };
  port.on("message", (call: Call) => {
    if (call.part === undefined && call.method === "close") {
      // Its caller sends nothing after it; what came before is finished first.
      void Promise.all(running)
        .then(() => run(call))
        .finally(() => port.close());
      return;
    }
    const one: Promise<void> = run(call).finally(() => running.delete(one));
    running.add(one);
  });
}

function forwarded(report: (message: Report) => void): Log {
  const forward = (level: LogMethod) => (fields: object, message: string) =>
    report({ kind: "log", level, fields: compact(fields) as object, message });
  return Object.fromEntries(LOG_METHODS.map((level) => [level, forward(level)])) as unknown as Log;
}

/** Its methods, the methods of the objects that it consists of, and its plain values. */
function shapeOf(store: object): Shape {
  const shape: Shape = { methods: methodsOf(store), parts: {}, values: {} };
  for (const [key, value] of Object.entries(store)) {
    if (typeof value === "function") continue;
    if (typeof value === "object" && value !== null) shape.parts[key] = methodsOf(value as object);
    else shape.values[key] = value;
  }
  return shape;
}

function methodsOf(owner: object): string[] {
  const names = new Set<string>();
  for (let one = owner; one !== Object.prototype; one = Object.getPrototypeOf(one) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(one))) {
      if (typeof value === "function" && name !== "constructor") names.add(name);
    }
  }
  return [...names];
}

void serve(parentPort!, workerData as StoreThreadData);
