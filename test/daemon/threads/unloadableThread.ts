import { isMainThread } from "node:worker_threads";

// A thread that cannot even start, as where TypeScript is not loaded.
if (!isMainThread) throw new Error("this thread cannot be loaded");
