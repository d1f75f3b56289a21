import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { Freshness } from "./freshness.ts";
import type { ChainEndpoint, Head } from "./ports.ts";
import { LaggingError } from "./ports.ts";

export interface PanelOptions {
  /** One to five. */
  endpoints: readonly ChainEndpoint[];
  clock: Clock;
  log: Log;
  staleHeadMs: number;
}

/** An endpoint and what it has shown so far. */
export interface Member {
  readonly endpoint: ChainEndpoint;
  freshness: Freshness;
  head: Head | undefined;
  /** Elapsed time of the first failure since it last worked. */
  failsSince: number | undefined;
  failures: number;
  restsUntil: number;
  distrustedUntil: number;
  problem: string | undefined;
}

const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
/** One that has failed for so long does not count as there any more: the others go on without its word. */
const ABSENT_MS = 600_000;
const DISTRUST_MS = 600_000;
/** A newest block below one that was read: a lagging machine behind one address for so long, then a shorter chain. */
const LAG_GRACE_MS = 60_000;

/**
 * The endpoints, and who is asked. They take turns, so that what one leaves out another shows at the next look, at no
 * extra call. Whoever fails or lags rests; whoever was caught contradicting the others is left out for ten minutes.
 */
export class Panel {
  readonly #options: PanelOptions;
  readonly #members: readonly Member[];
  #turn = 0;
  #lagSince: number | undefined;

  constructor(options: PanelOptions) {
    this.#options = options;
    this.#members = options.endpoints.map((endpoint) => ({
      endpoint,
      freshness: new Freshness(options),
      ...{ head: undefined, failsSince: undefined, failures: 0, restsUntil: 0, distrustedUntil: 0, problem: undefined },
    }));
  }

  /** Each once, in the order to try them; those that rest come last, and those that are distrusted not at all. */
  inTurn(): Member[] {
    const start = this.#turn++ % this.#members.length;
    const rotated = [...this.#members.slice(start), ...this.#members.slice(0, start)];
    const now = this.#options.clock.elapsed();
    const trusted = rotated.filter(({ distrustedUntil }) => distrustedUntil <= now);
    const candidates = trusted.length > 0 ? trusted : rotated;
    return [
      ...candidates.filter(({ restsUntil }) => restsUntil <= now),
      ...candidates.filter(({ restsUntil }) => restsUntil > now),
    ];
  }

  /** Who can confirm what a member says; nobody when it is the only one there. */
  others(than: Member): Member[] {
    const now = this.#options.clock.elapsed();
    return this.#members.filter(
      (member) =>
        member !== than &&
        member.distrustedUntil <= now &&
        (member.failsSince === undefined || now - member.failsSince < ABSENT_MS),
    );
  }

  /** Notes a head. Throws LaggingError when it comes before what was read, until no higher one was seen for a minute. */
  saw(member: Member, head: Head, readTo: bigint | undefined): void {
    member.head = head;
    member.freshness.see(head);
    if (readTo === undefined || head.number >= readTo) {
      this.#lagSince = undefined;
      return;
    }
    const now = this.#options.clock.elapsed();
    this.#lagSince ??= now;
    if (now - this.#lagSince >= LAG_GRACE_MS) return;
    throw new LaggingError(`${member.endpoint.name} is at block ${head.number}, block ${readTo} was read already`);
  }

  worked(member: Member): void {
    if (member.failsSince !== undefined)
      this.#options.log.info(nameOf(member), "an endpoint of the chain is well again");
    member.failsSince = undefined;
    member.failures = 0;
    member.restsUntil = 0;
    member.problem = undefined;
  }

  failed(member: Member, error: unknown): void {
    const { clock, log } = this.#options;
    const now = clock.elapsed();
    member.problem = (error instanceof Error ? error.message : String(error)).slice(0, 300);
    if (member.failsSince === undefined) {
      log.warn({ ...nameOf(member), problem: member.problem }, "an endpoint of the chain is not used for now");
    }
    member.failsSince ??= now;
    member.restsUntil = now + Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(member.failures, 6));
    member.failures++;
  }

  /** Leaves out one that the others have shown to be wrong. */
  distrust(member: Member, why: string): void {
    const { clock, log } = this.#options;
    member.problem = why;
    member.distrustedUntil = clock.elapsed() + DISTRUST_MS;
    log.error({ ...nameOf(member), problem: why }, "an endpoint of the chain contradicts the others and is left out");
  }

  /** Another chain is followed from now on: heads of the old one say nothing about it. */
  forget(): void {
    this.#lagSince = undefined;
    for (const member of this.#members) {
      member.freshness = new Freshness(this.#options);
      member.head = undefined;
    }
  }

  /** For the operator. */
  status() {
    const now = this.#options.clock.elapsed();
    return this.#members.map(({ endpoint, head, freshness, distrustedUntil, failsSince, problem }) => ({
      name: endpoint.name,
      state: distrustedUntil > now ? ("distrusted" as const) : failsSince === undefined ? "well" : "failing",
      block: head?.number,
      isFresh: freshness.isFresh(),
      clockOffSeconds: freshness.clockOffSeconds,
      problem,
    }));
  }
}

const nameOf = ({ endpoint }: Member) => ({ endpoint: endpoint.name });
