/** What a program that runs a settlement daemon by itself imports. The `pennyblack` command does without. */
export { ethersChain } from "./adapters/ethersChain.ts";
export { httpGossip } from "./adapters/httpGossip.ts";
export { Daemon } from "./daemon.ts";
export type { DaemonOptions } from "./options.ts";
export type * from "./ports.ts";
export type { SettlePolicy } from "./settle.ts";
export type { StoreOptions } from "./store/openStore.ts";
export { openStore } from "./store/openStore.ts";
export { openThreads } from "./threads/threads.ts";
