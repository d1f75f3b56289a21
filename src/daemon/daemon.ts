import type { AddressInfo } from "node:net";
import { createServer } from "node:http";
import type { Server } from "node:http";

import type { Address } from "../protocol/bytes.ts";
import type { PostageDomain } from "../protocol/voucher.ts";
import type { Clock } from "../platform/clock.ts";
import type { HttpHandler } from "../platform/grpcServer.ts";
import type { Log } from "../platform/log.ts";
import { Earner } from "./earn.ts";
import { Gate } from "./gate.ts";
import { Gossip } from "./gossip.ts";
import { describe, operatorHandler, publicHandler } from "./http.ts";
import { Ledger } from "./ledger.ts";
import type { Loop } from "./loop.ts";
import { startLoop } from "./loop.ts";
import { Meter } from "./meter.ts";
import type { Account, DaemonChain, EnvelopeLog, GossipTransport, LedgerStore, SettleResult } from "./ports.ts";
import { RateBook } from "./rateBook.ts";
import type { SettlePolicy } from "./settle.ts";
import { Settler } from "./settle.ts";
import { Watch } from "./watch.ts";

export interface DaemonOptions {
  nodeId: number;
  domain: PostageDomain;
  /** The first block that can have an event of ours. */
  deploymentBlock: bigint;
  policy: SettlePolicy;
  /** 0 takes a free port. The listener is bound to 127.0.0.1. */
  operatorPort: number;
  intervalsMs: { watch: number; gossip: number; settle: number };
  store: LedgerStore;
  chain: DaemonChain;
  envelopeLog: EnvelopeLog;
  transport: GossipTransport;
  clock: Clock;
  log: Log;
}

/** Accounts that a status shows; the rest is counted. */
const SHOWN_ACCOUNTS = 100;

/** What an operator runs beside a node: takes postage, meters, tells its peers, settles and claims. */
export class Daemon {
  readonly gate: Gate;
  /** Routes below the node's registered address. */
  readonly handler: HttpHandler;
  readonly #options: DaemonOptions;
  readonly #ledger: Ledger;
  readonly #meter: Meter;
  readonly #watch: Watch;
  readonly #gossip: Gossip;
  readonly #settler: Settler;
  readonly #earner: Earner;
  #metered = false;
  #loops: Loop[] = [];
  #unsubscribe = () => {};
  #operatorServer: Server | undefined;
  /** One transaction at a time: they share a nonce. */
  #sending: Promise<unknown> = Promise.resolve();

  constructor(options: DaemonOptions) {
    this.#options = options;
    const { nodeId, domain, store, chain, policy, clock, log, transport, envelopeLog } = options;
    const rateBook = new RateBook();
    const ledger = new Ledger(store);
    this.#ledger = ledger;
    this.#watch = new Watch({ ...options, ledger, rateBook });
    this.#meter = new Meter({ envelopeLog, store, ledger, rateBook, log });
    this.#gossip = new Gossip({ nodeId, domain, ledger, transport, log });
    this.#settler = new Settler({ nodeId, ledger, chain, policy, clock, log });
    this.#earner = new Earner({ nodeId, chain, policy, log });
    this.gate = new Gate({
      ...{ nodeId, domain, ledger, store, rateBook, clock, exposureCap: policy.exposureCap },
      chainDoubt: () => this.#watch.doubt(),
      isReady: () => this.#metered,
    });
    this.handler = publicHandler(this, log);
  }

  /** Takes packed voucher rows from a peer or a payer; answers how many were of use. */
  receiveVouchers(rows: Uint8Array): Promise<number> {
    return this.#gossip.receive(rows);
  }

  /** What this daemon knows of a channel. */
  account(channel: Address): Promise<Account | undefined> {
    return this.#ledger.account(channel);
  }

  /** Meters the node's log to its end. */
  drain(): Promise<void> {
    return this.#meter.drain();
  }

  /** Reads what is new on chain. */
  poll(): Promise<void> {
    return this.#watch.poll();
  }

  /** Where the operator's routes answer, after `start`. */
  get operatorUrl(): string {
    return `http://127.0.0.1:${(this.#operatorServer!.address() as AddressInfo).port}`;
  }

  /** Reads the chain and the node's log, then works until `close`. Rejects when the chain cannot be read now. */
  async start(): Promise<void> {
    const { envelopeLog, intervalsMs, clock, log } = this.#options;
    await this.#watch.poll();
    await this.#meter.drain();
    this.#metered = true;
    const context = { clock, log };
    const meter = startLoop("meter", intervalsMs.watch, () => this.#meter.drain(), context);
    this.#unsubscribe = envelopeLog.onAppend(() => meter.wake());
    this.#loops = [
      meter,
      startLoop("watch", intervalsMs.watch, () => this.#watch.poll(), context),
      startLoop("gossip", intervalsMs.gossip, (signal) => this.#gossip.round(this.#watch.nodes, signal), context),
      startLoop("settle", intervalsMs.settle, () => this.work(), context),
    ];
    await this.#listen();
    log.info({ nodeId: this.#options.nodeId, operator: this.operatorUrl }, "the daemon is ready");
  }

  async #listen(): Promise<void> {
    const routes = {
      status: () => this.status(),
      settle: async () => ({ transactions: await this.settle() }),
      distribute: () => this.#alone(() => this.#earner.distribute(true)),
      claim: () => this.#alone(() => this.#earner.claim(true)),
    };
    const server = createServer(operatorHandler(routes, this.#options.log));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#options.operatorPort, "127.0.0.1", () => resolve());
    });
    this.#operatorServer = server;
  }

  /** What is due on chain now: settles, passes fees on and claims, as far as it is worth its gas. */
  work(): Promise<void> {
    return this.#alone(async () => {
      const results = await this.#settler.run(false);
      if (results.length > 0) await this.#watch.poll();
      await this.#earner.distribute(false);
      await this.#earner.claim(false);
    });
  }

  /** Settles every voucher that would collect something, whatever gas costs. */
  settle(): Promise<SettleResult[]> {
    return this.#alone(async () => {
      await this.#meter.drain();
      await this.#watch.poll();
      const results = await this.#settler.run(true);
      await this.#watch.poll();
      return results;
    });
  }

  #alone<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#sending.then(task, task);
    this.#sending = result.catch(() => {});
    return result;
  }

  async status(): Promise<object> {
    const { nodeId, domain, store, envelopeLog } = this.#options;
    const accounts = await this.#ledger.accounts(undefined, SHOWN_ACCOUNTS);
    const originators = await envelopeLog.originators();
    const cursors = await Promise.all(originators.map(async (id) => [id, await store.meterCursor(id)] as const));
    return {
      nodeId,
      chainId: domain.chainId,
      postageChannels: domain.postageChannels,
      ready: this.#metered,
      chainDoubt: this.#watch.doubt(),
      metered: Object.fromEntries(cursors),
      nodes: this.#watch.nodes,
      channels: accounts.map(describe),
    };
  }

  /** Finishes what is in progress and closes the ledger. What was not metered yet is in the node's log. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await this.#sending;
    const server = this.#operatorServer;
    if (server) {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    }
    await this.#options.store.close();
  }
}
