import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { Rate } from "../../platform/rate.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { withTimeout } from "../async.ts";
import { GatewayError, isGatewayError } from "../errors.ts";
import type { Spender } from "../ports.ts";

/** Who publishes, as the app knows them. */
export interface GatewayUser {
  /** The name in rate limits, budgets and the spend report: 1 to 128 characters. */
  user: string;
  /** Which of several apps behind this payer, in the same way. */
  app?: string;
  /** The user's XMTP inbox, 64 hex digits, when the app knows it: recipients can then block this user alone. */
  inboxId?: string;
  /** The installation's public key, 64 hex digits, when the app knows it. */
  installationId?: string;
}

/**
 * Says from the headers of a publish who the user is. Whatever it throws refuses the call: a GatewayError as it is, anything
 * else as `unauthenticated`, with the reason in the gateway's log alone.
 */
export type Authenticate = (headers: Headers, signal: AbortSignal) => GatewayUser | Promise<GatewayUser>;

/** Envelopes in a minute; unlimited where left out. */
export interface RateLimits {
  /** Of each user. */
  user?: number;
  /** Of each app. */
  app?: number;
}

/** Who a publish is booked on, and which inbox sends it. */
export interface Caller extends Spender {
  inbox?: Hex;
  installation?: Hex;
}

/** Everybody, where nobody is asked who they are. */
export const ANYBODY: Caller = { app: "", user: "" };

export interface CallersOptions {
  authenticate: Authenticate | undefined;
  rateLimits: RateLimits;
  timeoutMs: number;
  /** Hears which inbox an installation is of, when the app tells both. */
  learn?: (installation: Hex, inbox: Hex) => void;
  clock: Clock;
  log: Log;
}

// What is printed to terminals and spreadsheets has no control characters in it.
const NAME = /^[^\x00-\x1f\x7f]{1,128}$/;
const KEY = /^(0x)?[0-9a-f]{64}$/i;

/** Who may publish, and how much in a minute. */
export class Callers {
  readonly #options: CallersOptions;
  readonly #rates: { what: "user" | "app"; perMinute: number; rate: Rate }[];

  constructor(options: CallersOptions) {
    this.#options = options;
    this.#rates = (["app", "user"] as const).flatMap((what) => {
      const perMinute = options.rateLimits[what];
      if (perMinute === undefined) return [];
      if (!(perMinute > 0)) throw new RangeError(`rateLimits.${what} is ${perMinute}: it has to be above 0`);
      return [{ what, perMinute, rate: new Rate(perMinute, options.clock) }];
    });
  }

  /** Throws GatewayError `unauthenticated`, `rate_limited`, or what the app's check throws of that class. */
  async admit(headers: Headers, envelopes: number, signal: AbortSignal): Promise<Caller> {
    const caller = await this.#identify(headers, signal);
    // Of all limits or of none: who is held back by one has not used up the other.
    const shares = this.#rates.map((limit) => ({ ...limit, name: nameOf(limit.what, caller) }));
    for (const { what, perMinute, rate, name } of shares) {
      const waitMs = rate.waitMs(name, envelopes);
      if (waitMs === 0) continue;
      const problem = `${what} "${caller[what]}" may send ${perMinute} envelopes in a minute`;
      const renewsAt = this.#options.clock.now() + waitMs;
      throw new GatewayError("rate_limited", `${problem}: try again in ${Math.ceil(waitMs / 1_000)} s`, {
        ...{ retryable: true, renewsAt },
      });
    }
    for (const { rate, name } of shares) rate.take(name, envelopes);
    if (caller.installation && caller.inbox) this.#options.learn?.(caller.installation, caller.inbox);
    return caller;
  }

  async #identify(headers: Headers, signal: AbortSignal): Promise<Caller> {
    const { authenticate, clock, log, timeoutMs } = this.#options;
    if (!authenticate) return ANYBODY;
    let user: GatewayUser;
    try {
      const work = async (own: AbortSignal) => authenticate(headers, own);
      user = await withTimeout(clock, timeoutMs, signal, "the check of who sends this", work);
    } catch (cause) {
      if (isGatewayError(cause) || signal.aborted) throw cause;
      log.info({ reason: String(cause) }, "a call was not authenticated");
      const words = "this gateway does not know who sends this: sign in to the app again, or send its credential";
      throw new GatewayError("unauthenticated", words, { retryable: false, cause });
    }
    return checked(user);
  }
}

/** Users of two apps may have one name. */
function nameOf(what: "user" | "app", { app, user }: Caller): string {
  return what === "app" ? app : JSON.stringify([app, user]);
}

function checked({ user, app = "", inboxId, installationId }: GatewayUser): Caller {
  if (typeof user !== "string" || !NAME.test(user) || (app !== "" && !NAME.test(app))) {
    throw new TypeError("authenticate: user and app are 1 to 128 characters, none of them a control character");
  }
  for (const [name, key] of Object.entries({ inboxId, installationId })) {
    if (key !== undefined && !KEY.test(key)) throw new TypeError(`authenticate: ${name} is not 64 hex digits`);
  }
  const hex = (key: string): Hex => `0x${key.toLowerCase().replace(/^0x/, "")}`;
  return {
    ...{ app, user },
    ...(inboxId === undefined ? {} : { inbox: hex(inboxId) }),
    ...(installationId === undefined ? {} : { installation: hex(installationId) }),
  };
}
