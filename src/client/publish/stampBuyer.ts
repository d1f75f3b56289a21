import type { Clock } from "../../platform/clock.ts";
import { NewestMap } from "../../platform/newestMap.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { StampHeaders } from "../../protocol/stamps/headers.ts";
import { listToHeader } from "../../protocol/stamps/headers.ts";
import { STAMP_COVERS_SECONDS, welcomeKeyOf } from "../../protocol/stamps/rules.ts";
import { parseTopic } from "../../protocol/topics.ts";
import { formatUnits } from "../../protocol/units.ts";
import type { ChannelWatch } from "../channel/channelWatch.ts";
import type { ChannelLedger } from "../channel/ledger.ts";
import { GatewayError } from "../errors.ts";
import type { RatesWatch } from "../nodes/ratesWatch.ts";
import type { Attempt, PostageDemand } from "../ports.ts";
import type { WaiverBook } from "./waiverBook.ts";

/** Installations that are remembered, so that each explains one stamp in 30 days. */
const MOST_REMEMBERED = 100_000;

export interface StampBuyerOptions {
  ledger: ChannelLedger;
  watch: ChannelWatch;
  rates: RatesWatch;
  waivers: WaiverBook;
  clock: Clock;
  /** Base units: no larger ceiling is ever signed, over the channel's whole life. 0 buys none. */
  most: bigint;
}

/**
 * Buys the stamps that nodes ask for. A node is believed only so far as the welcomes that it was sent explain: one stamp for each
 * installation in 30 days; and never above what the operator allows in all.
 */
export class StampBuyer {
  readonly #options: StampBuyerOptions;
  /** By installation: until when its stamp covers it, in milliseconds since 1970. In the order of that. */
  readonly #covered = new NewestMap<Hex, number>(MOST_REMEMBERED);
  /** What welcomes of this process explain and is not signed yet. */
  #unsigned = 0n;

  constructor(options: StampBuyerOptions) {
    this.#options = options;
  }

  /** What goes with a publish of these, undefined when no waiver is for one of them. */
  headersFor(attempts: readonly Pick<Attempt, "topic">[]): StampHeaders | undefined {
    const waivers = this.#options.waivers.forInstallations(installationsOf(attempts));
    return waivers.length > 0 ? { waiver: listToHeader(waivers), sender: null } : undefined;
  }

  /** Signs the ceiling that a node asks for, or throws GatewayError why not; then nothing was signed. */
  async buy(
    nodeId: number,
    demand: PostageDemand,
    attempts: readonly Pick<Attempt, "topic" | "spender">[],
  ): Promise<void> {
    const { ledger, watch, most } = this.#options;
    const { required, authorised } = demand;
    // Other processes buy some too.
    await ledger.catchUp();
    const signed = watch.terms().stampsSigned;
    const numbers = { channel: ledger.channel, required, authorised, available: most };
    // Another publish bought one meanwhile: this node has not seen that voucher yet.
    if (required <= ledger.stampsSigned && authorised < ledger.stampsSigned) return;
    this.#explain(installationsOf(attempts));
    if (required <= authorised || required > signed + this.#unsigned) {
      const words = `node ${nodeId} asks for a ceiling of ${formatUnits(required)} USD for stamps`;
      const limit = `what was sent explains at most ${formatUnits(signed + this.#unsigned)}`;
      throw new GatewayError("demand_above_ledger", `${words}, ${limit}: nothing was signed`, {
        retryable: true,
        numbers,
      });
    }
    if (required > most) {
      const words = `a first message to a stranger needs a stamp: that takes ${formatUnits(required)} USD of stamps in all`;
      const advice = `${formatUnits(most)} are allowed: raise \`stamps\` in the gateway's config, or hand it a waiver`;
      throw new GatewayError("stamp_needed", `${words}, ${advice}`, { retryable: false, numbers });
    }
    // Those of one call are of one caller.
    const bought = await ledger.raiseStamps(required, () => watch.terms(), attempts[0]!.spender);
    this.#unsigned = bought < this.#unsigned ? this.#unsigned - bought : 0n;
  }

  #explain(installations: readonly Hex[]): void {
    const { clock, rates } = this.#options;
    const now = clock.now();
    for (const installation of installations) {
      if ((this.#covered.get(installation) ?? 0) > now) continue;
      this.#covered.set(installation, now + Number(STAMP_COVERS_SECONDS) * 1_000);
      this.#unsigned += rates.current().stampPrice;
    }
  }
}

function installationsOf(attempts: readonly Pick<Attempt, "topic">[]): Hex[] {
  const keys = attempts.flatMap(({ topic }) => {
    const parsed = parseTopic(topic);
    const key = parsed && welcomeKeyOf(parsed);
    return key ? [toHex(key)] : [];
  });
  return [...new Set(keys)];
}
