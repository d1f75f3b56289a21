import type { HttpHandler } from "../platform/grpcServer.ts";
import type { Listener } from "../platform/listen.ts";
import { listen } from "../platform/listen.ts";
import type { Log } from "../platform/log.ts";

/** Where an operator and its monitoring reach a daemon. */
export class Listeners {
  readonly #log: Log;
  #operator: Listener | undefined;
  #metrics: Listener | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  get operatorUrl(): string {
    return `http://127.0.0.1:${this.#operator!.port}`;
  }

  get metricsPort(): number | undefined {
    return this.#metrics?.port;
  }

  /** This machine only. Rejects when the port is taken. */
  async listenToOperator(handler: HttpHandler, port: number): Promise<void> {
    this.#operator = await listen(handler, { host: "127.0.0.1", port });
    this.#log.info({ operator: this.operatorUrl }, "the operator's routes answer");
  }

  async listenForMetrics(handler: HttpHandler, at: { host: string; port: number }): Promise<void> {
    this.#metrics = await listen(handler, at);
    this.#log.info({ ...at, port: this.#metrics.port }, "metrics and health answer");
  }

  async close(): Promise<void> {
    await Promise.all([this.#operator?.close(), this.#metrics?.close()]);
  }
}
