import type { Address, Hex } from "../../protocol/bytes.ts";
import { chunksOf } from "../../platform/chunks.ts";
import { RateBook } from "../rateBook.ts";
import type { BuildSources, ChannelBacking } from "./buildReport.ts";
import { buildReport } from "./buildReport.ts";
import type { BuiltReport } from "./buildReport.ts";
import { CannotAttestError } from "./errors.ts";
import type { ReporterOptions } from "./options.ts";
import type { ReportContents, ReportHead } from "./ports.ts";
import type { SeatList } from "./quorum.ts";
import { RangeBook } from "./rangeBook.ts";
import type { LogRange } from "../../protocol/report/leaves.ts";
import { buildStamps } from "./stamps/buildStamps.ts";
import type { ReadEvidence } from "./stamps/evidence.ts";
import { feesSignedOf } from "./vouchers.ts";

const CHANNELS_PER_READ = 500;
const NOTHING_SAID: ReadEvidence = { said: new Map(), waivers: new Map() };

/** What the next report is of: the epoch that ended last, on the head of the chain. */
export interface Session {
  epoch: bigint;
  /** Unix seconds. */
  endsAt: bigint;
  head: ReportHead;
  seats: SeatList;
  parent: ReportContents | undefined;
  book: RangeBook;
  /** Chain state at the epoch's end does not change: read once. */
  backing: Map<Address, ChannelBacking>;
}

/** Builds the session's report out of ranges. Rejects with CannotAttestError. */
export async function buildIn(
  { chain, store, ledger, domain, stamps }: Pick<ReporterOptions, "chain" | "store" | "ledger" | "domain" | "stamps">,
  session: Session,
  ranges: readonly LogRange[],
  absentSeats: bigint,
  evidence: ReadEvidence = NOTHING_SAID,
): Promise<BuiltReport> {
  const { epoch, head, seats, parent, backing, endsAt } = session;
  const length = endsAt / (epoch + 1n);
  const covered = { startsAt: parent ? (parent.report.epoch + 1n) * length : 0n, endsAt };
  const rates = new RateBook();
  rates.update(await chain.rates(), await chain.retentionDays());
  const sources: BuildSources = {
    ...{ domain, facts: store, rates },
    async backing(channels) {
      for (const some of chunksOf(
        channels.filter((channel) => !backing.has(channel)),
        CHANNELS_PER_READ,
      )) {
        const states = await chain.backing(some, endsAt).catch((cause: unknown) => {
          const problem = `channels cannot be read as they were when epoch ${epoch} ended: ${String(cause)}`;
          throw new CannotAttestError(
            "chain_state_missing",
            `${problem}. Use an endpoint that keeps old state`,
            undefined,
            {
              cause,
            },
          );
        });
        for (const [channel, state] of states) backing.set(channel, state);
      }
      return backing;
    },
    signedFees: (channels) => feesSignedOf(ledger, channels),
    ...(stamps ? { stamps: (before, welcomes) => buildStamps(stamps, before, welcomes, evidence, covered) } : {}),
  };
  const request = { epoch, round: head.round, parent: head.digest, registryVersion: seats.version };
  return buildReport(sources, { ...request, seats: seats.seats.length, absentSeats, ranges }, parent);
}

/** Keeps the session while it is that of the chain's head and epoch. */
export class Sessions {
  readonly #options: Pick<ReporterOptions, "chain" | "store" | "clock">;
  readonly #contentsOf: (digest: Hex) => Promise<ReportContents>;
  #current: Session | undefined;
  #lookedAt: number | undefined;

  /** @param contentsOf from the own store, or peers */
  constructor(
    options: Pick<ReporterOptions, "chain" | "store" | "clock">,
    contentsOf: (digest: Hex) => Promise<ReportContents>,
  ) {
    this.#options = options;
    this.#contentsOf = contentsOf;
  }

  /**
   * The session of now. Rejects with CannotAttestError `not_due` when the last epoch is reported, or nobody has a seat.
   * @param maxAgeMs whoever asks for others takes one that was looked at a moment ago
   */
  async current(maxAgeMs = 0): Promise<Session> {
    const { chain, clock } = this.#options;
    const isFresh = this.#lookedAt !== undefined && clock.elapsed() - this.#lookedAt < maxAgeMs;
    if (this.#current && isFresh) return this.#current;
    const [now, length, head] = await Promise.all([chain.now(), chain.epochSeconds(), chain.head()]);
    const epoch = now / length - 1n;
    if (head.length > 0n && head.epoch >= epoch) {
      this.#current = undefined;
      throw new CannotAttestError("not_due", `epoch ${epoch} is reported`);
    }
    const known = this.#current;
    const isSame = known?.epoch === epoch && known.head.digest === head.digest && known.head.round === head.round;
    if (!isSame) this.#current = await this.#open(epoch, (epoch + 1n) * length, head);
    this.#lookedAt = clock.elapsed();
    return this.#current!;
  }

  async #open(epoch: bigint, endsAt: bigint, head: ReportHead): Promise<Session> {
    const { chain, store } = this.#options;
    const seats = await chain.seatsAt(epoch);
    if (!seats || seats.seats.length === 0) {
      throw new CannotAttestError(
        "not_due",
        `the registry had no version when epoch ${epoch} ended: nobody may attest`,
      );
    }
    const parent = head.length === 0n ? undefined : await this.#contentsOf(head.digest);
    const book = new RangeBook(store, { epoch, endsAt, parentRanges: parent?.ranges ?? [] });
    return { epoch, endsAt, head, seats, parent, book, backing: new Map() };
  }
}
