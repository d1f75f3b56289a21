import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { Serial } from "../platform/serial.ts";
import { Earner } from "./earn.ts";
import type { ThriftyChain } from "./follow/thriftyChain.ts";
import { thriftyChain } from "./follow/thriftyChain.ts";
import type { Ledger } from "./ledger.ts";
import type { Recorder } from "./metrics/ports.ts";
import type { DaemonChain } from "./ports.ts";
import type { SettlePolicy } from "./settle.ts";
import { Settler } from "./settle.ts";
import type { Lane } from "./transactions/ports.ts";
import { Turns } from "./turns.ts";
import type { SettleResult } from "./work.ts";

export interface ChainWorkOptions {
  nodeId: number;
  ledger: Pick<Ledger, "accounts">;
  chain: DaemonChain;
  policy: SettlePolicy;
  /** Reads what is new on chain into the ledger. */
  poll: () => Promise<void>;
  /** Counts what was settled. */
  recorder?: Recorder;
  clock: Clock;
  log: Log;
}

/**
 * What a daemon does on chain by itself or on demand: settles, passes fees on, claims, has the registry write versions.
 * One piece of work at a time, because each reads what the last one changed; what has a deadline does not wait for the rest.
 */
export class ChainWork {
  readonly #options: ChainWorkOptions;
  readonly #thrifty: ThriftyChain;
  readonly #settler: Settler;
  readonly #earner: Earner;
  readonly #serial = new Serial();
  readonly #deadlines = new Serial();

  constructor(options: ChainWorkOptions) {
    this.#options = options;
    const { nodeId, ledger, policy, clock, log } = options;
    this.#thrifty = thriftyChain(options.chain, clock);
    const { chain } = this.#thrifty;
    this.#settler = new Settler({ ledger, chain, policy, clock, log, turns: new Turns(nodeId, chain) });
    this.#earner = new Earner({ nodeId, chain, policy, log, turns: new Turns(nodeId, chain) });
  }

  /** Settles whom has asked for money back. A failure is logged and tried again by the next run. */
  settleDeadlines(): Promise<void> {
    return this.#deadlines.run(async () => {
      this.#thrifty.newRun();
      await this.#step("settle deadlines", async () => {
        const results = await this.#settler.runDeadlines();
        this.#note("deadline", results);
        if (results.length > 0) await this.#options.poll();
      });
    });
  }

  /** What is due and worth its gas. A step that fails is logged and tried again by the next run; the others are done. */
  routine(): Promise<void> {
    return this.#serial.run(async () => {
      this.#thrifty.newRun(true);
      await this.#step("settle", async () => {
        const results = await this.#settler.run(false);
        this.#note("routine", results);
        if (results.length > 0) await this.#options.poll();
      });
      await this.#step("distribute", () => this.#earner.distribute(false));
      await this.#step("claim", () => this.#earner.claim(false));
      await this.#step("rollOver", () => this.#earner.rollOver());
    });
  }

  /** What the last run of each lane found. */
  get settleReports(): Settler["reports"] {
    return this.#settler.reports;
  }

  #note(lane: Lane, results: readonly SettleResult[]): void {
    for (const { collected } of results) {
      this.#options.recorder?.count("settlements", 1, { lane });
      this.#options.recorder?.count("settled", Number(collected), { lane });
    }
  }

  async #step(step: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#options.recorder?.count("workFailures", 1, { step });
      this.#options.log.warn({ step, error: String(error) }, "a step of the work on chain failed, it will run again");
    }
  }

  /**
   * Settles every voucher that would collect something, whatever gas costs.
   * @param prepare brings the ledger up to date first
   */
  settleAll(prepare: () => Promise<void>): Promise<SettleResult[]> {
    return this.#serial.run(async () => {
      this.#thrifty.newRun();
      await prepare();
      const results = await this.#settler.run(true);
      this.#note("routine", results);
      await this.#options.poll();
      return results;
    });
  }

  /** On demand. Base units that were waiting. */
  distribute(): Promise<bigint> {
    return this.#serial.run(() => this.#earner.distribute(true));
  }

  /** On demand. Base units that went to the payout address. */
  claim(): Promise<bigint> {
    return this.#serial.run(() => this.#earner.claim(true));
  }

  /** Resolves when nothing is under way. */
  async finish(): Promise<void> {
    await Promise.all([this.#serial, this.#deadlines].map((work) => work.run(async () => {})));
  }
}
