import type { Clock } from "../../platform/clock.ts";
import type { HttpHandler } from "../../platform/grpcServer.ts";
import type { Log } from "../../platform/log.ts";
import {
  STAMP_COVERS_SECONDS,
  STAMP_WINDOW_SECONDS,
  inboxSettlesSeconds,
  silentCost,
} from "../../protocol/stamps/rules.ts";
import type { PostageDomain } from "../../protocol/voucher.ts";
import { signedCeiling } from "../account.ts";
import type { Ledger } from "../ledger.ts";
import type { Recorder } from "../metrics/ports.ts";
import type { RegisteredNode } from "../ports.ts";
import type { StampSources } from "../reports/stamps/evidence.ts";
import type { Reported } from "../reports/stamps/reportedStamps.ts";
import { Inboxes } from "./inboxes.ts";
import { NoteDesk } from "./noteDesk.ts";
import type { NoteDeskOptions } from "./noteDesk.ts";
import type { StampTransport } from "./noteGossip.ts";
import { NoteGossip } from "./noteGossip.ts";
import type { Stamp, StampChain, StampStore, StampTerms } from "./ports.ts";
import { StampGate } from "./stampGate.ts";
import { stampsHandler } from "./stampRoutes.ts";

/** What an operator's deployment decides. */
export interface StampSettings {
  chain: StampChain;
  transport: StampTransport;
  everyMs: number;
}

interface Own {
  nodeId: number;
  domain: PostageDomain;
  store: StampStore;
  ledger: Ledger;
  reported: NoteDeskOptions["reported"];
  recorder: Recorder;
  clock: Clock;
  log: Log;
}

/** Shares change by votes, with days of notice. */
const SHARES_MS = 3_600_000;
/** An installation needs stamps half an hour after its listing, and each look costs some calls of the chain. */
const INBOXES_MS = 60_000;
const PAGE = 500;
const MOST_PAGES = 100;
/** After the last report that can need it, with a window's reserve. */
const KEPT_SECONDS = STAMP_COVERS_SECONDS + 2n * STAMP_WINDOW_SECONDS;
const TOTALS_MS = 60_000;

/** A daemon's part in stamps. */
export class Stamps {
  readonly gate: StampGate;
  readonly desk: NoteDesk;
  readonly handler: HttpHandler;
  readonly inboxes: Inboxes;
  readonly #settings: StampSettings;
  readonly #own: Own;
  readonly #gossip: NoteGossip;
  #terms: (StampTerms & { silentBps: number }) | undefined;
  #sharesAt = -Infinity;
  #inboxesAt = -Infinity;
  #totalsAt = -Infinity;

  constructor(settings: StampSettings, own: Own) {
    const { domain, store, ledger, recorder, clock, log } = own;
    this.#settings = settings;
    this.#own = own;
    this.inboxes = new Inboxes({ chain: settings.chain, store, log });
    this.gate = new StampGate({ domain, store, terms: () => this.#terms, clock });
    this.#gossip = new NoteGossip({ nodeId: own.nodeId, store, transport: settings.transport, clock, log });
    this.desk = new NoteDesk({
      ...{ domain, store, recorder, clock, reported: own.reported },
      isFunded: async (payer) => ((await ledger.account(payer))?.chain.deposited ?? 0n) > 0n,
    });
    const { desk } = this;
    this.handler = stampsHandler({
      ...{ desk, store, log },
      channel: async (channel) => {
        const [account, used] = await Promise.all([ledger.account(channel), ledger.stampsUsed([channel])]);
        const signed = account ? signedCeiling(account) : 0n;
        return { used: used.get(channel) ?? 0n, signed, price: this.#terms?.price ?? 0n };
      },
    });
  }

  /** What stamps cost; undefined until the chain was read. */
  get terms(): StampTerms | undefined {
    return this.#terms;
  }

  /** Reads what is new of the identity log, and what stamps cost. */
  async poll(): Promise<void> {
    const { clock, domain } = this.#own;
    const isFast = inboxSettlesSeconds(domain.chainId) === 0n;
    if (isFast || clock.elapsed() - this.#inboxesAt >= INBOXES_MS) {
      await this.inboxes.poll();
      this.#inboxesAt = clock.elapsed();
    }
    if (this.#terms && clock.elapsed() - this.#sharesAt < SHARES_MS) return;
    const { chain } = this.#settings;
    const [price, { silentBps }] = await Promise.all([chain.price(), chain.sharesAt(this.#now())]);
    this.#terms = { price, silentBps, settlesSeconds: inboxSettlesSeconds(domain.chainId) };
    this.#sharesAt = clock.elapsed();
  }

  /** One look at what is due. */
  async step(nodes: readonly RegisteredNode[], signal: AbortSignal): Promise<void> {
    await this.poll();
    await this.#gossip.round(nodes, signal);
    await this.#closeSilent();
    await this.#tidy();
  }

  /** Where there are reports, what they say decides: they may date a welcome later than its originator does. */
  async #closeSilent(): Promise<void> {
    const { store, reported } = this.#own;
    let left = 0;
    for (let page = 0; page < MOST_PAGES; page++) {
      const overdue = await store.overdue(this.#now() - STAMP_WINDOW_SECONDS, PAGE, left);
      const outcomes = await reported.outcomesOf(overdue);
      for (const [i, stamp] of overdue.entries()) {
        const became = this.#becameOf(stamp, outcomes[i]!);
        if (became) await store.settleStamp(stamp, stamp.welcome, became, this.#costOf(stamp, became));
        else left++;
      }
      if (overdue.length < PAGE) return;
    }
  }

  /** Undefined while it stays open. */
  #becameOf({ openedAt }: Stamp, outcome: Reported): "accepted" | "spam" | "silent" | undefined {
    if (outcome === "none") return "silent";
    if (outcome !== "open" && outcome !== "unreported") return outcome;
    // No report came for so long that it covers nothing any more.
    return openedAt + STAMP_COVERS_SECONDS <= this.#now() ? "silent" : undefined;
  }

  #costOf({ price }: Stamp, became: "accepted" | "spam" | "silent"): bigint {
    if (became === "silent") return silentCost(price, this.#terms!.silentBps);
    return became === "spam" ? price : 0n;
  }

  async #tidy(): Promise<void> {
    const { store, recorder, clock } = this.#own;
    if (clock.elapsed() - this.#totalsAt < TOTALS_MS) return;
    this.#totalsAt = clock.elapsed();
    const before = this.#now() - KEPT_SECONDS;
    await store.forget(before, Number(before) * 1_000);
    const { open, notes } = await store.totals();
    recorder.set("stampsOpen", Number(open));
    recorder.set("stampNotesKept", Number(notes));
    recorder.set("inboxesReadToSeconds", Number(this.inboxes.readToAt));
  }

  /** What reports are built with. */
  get sources(): StampSources {
    const { domain, store } = this.#own;
    const { chain } = this.#settings;
    return {
      ...{ domain, store },
      async termsAt(endsAt) {
        const [price, shares] = await Promise.all([chain.price(), chain.sharesAt(endsAt - 1n)]);
        return { price, ...shares, settlesSeconds: inboxSettlesSeconds(domain.chainId) };
      },
    };
  }

  /** For `pennyblack status`. */
  async status() {
    const { open, notes } = await this.#own.store.totals();
    const { price, silentBps } = this.#terms ?? {};
    return { price, silentBps, open, notes, inboxesReadToAt: this.inboxes.readToAt };
  }

  #now(): bigint {
    return BigInt(Math.floor(this.#own.clock.now() / 1_000));
  }
}
