import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { Ledger } from "../ledger.ts";
import type { FinalizedBlock, JournalBlock, LedgerStore } from "../ports.ts";
import { ChainOvertakenError } from "../store/errors.ts";
import { acceptReorg } from "./acceptance.ts";
import { ChannelReader } from "./channelReader.ts";
import { agreedFinal, requireFinal } from "./finalityCheck.ts";
import { compareJournal, isSameJournal, keepBlocks } from "./journal.ts";
import type { JournalChange } from "./journal.ts";
import { LogRanges } from "./logRanges.ts";
import type { Member } from "./panel.ts";
import { Omissions } from "./omissions.ts";
import { Panel } from "./panel.ts";
import type { ChainEndpoint, Head, Heads } from "./ports.ts";
import { FinalityBrokenError, FinalityDisputedError, InconsistentError, ReorgRefusedError } from "./ports.ts";
import { Reconciler } from "./reconciler.ts";

export interface FollowerOptions {
  endpoints: readonly ChainEndpoint[];
  ledger: Ledger;
  store: LedgerStore;
  clock: Clock;
  log: Log;
  /** The first block that can have an event of ours. */
  deploymentBlock: bigint;
  /** See Freshness. */
  staleHeadMs: number;
  /** How often every channel is compared with the chain. */
  reconcileEveryMs: number;
}

/** How often the final block is asked for while nothing else needs it. */
const FINALITY_EVERY_MS = 300_000;
/** How often channels are read again whose deposit is not safe yet, or not confirmed: that takes minutes anyway. */
const WAITING_EVERY_MS = 30_000;

/** What was read before, as the store has it. */
interface Saved {
  finalized: FinalizedBlock | undefined;
  readTo: bigint | undefined;
  /** As it is in the store. */
  cursor: bigint | undefined;
  journal: JournalBlock[];
}

/**
 * Keeps the chain's side of the ledger as the chain has it. Everything above the final block is looked at again each
 * time and held against the journal of blocks that touched a channel: where they differ, the channels of both are read
 * again, at one block of one endpoint, and journal and states change in one transaction. So the states always belong to
 * the journal's blocks, whatever reorg or restart came in between.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #panel: Panel;
  readonly #reader: ChannelReader;
  readonly #ranges: LogRanges;
  readonly #reconciler: Reconciler;
  /** Read again until nothing about them is open; undefined until the journal's channels were read once. */
  #waiting: Set<Address> | undefined;
  #finalityAt: number | undefined;
  /** Elapsed time of the last whole look. */
  #readAt = 0;
  #head: Head | undefined;
  #clockOffSeconds = 0;
  #readTo: bigint | undefined;
  /** The store's cursor, as this look knows it. */
  #cursor: bigint | undefined;
  #broken: FinalityBrokenError | undefined;
  #problem: string | undefined;
  #rolledBack = 0;
  readonly #omissions: Omissions;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#panel = new Panel(options);
    this.#reader = new ChannelReader(this.#panel, options.store, options.log);
    this.#ranges = new LogRanges();
    this.#omissions = new Omissions(this.#panel, options.log);
    this.#reconciler = new Reconciler({ ...options, reader: this.#reader, ranges: this.#ranges });
  }

  /** See Freshness; of the endpoint that was read last. */
  get clockOffSeconds(): number {
    return this.#clockOffSeconds;
  }

  /** Why nothing that the chain says counts any more, until the operator accepts it or starts the daemon again. */
  get broken(): FinalityBrokenError | undefined {
    return this.#broken;
  }

  /**
   * Brings the ledger up to the chain; true when the chain was seen to live. Rejects when no endpoint could be read;
   * nothing is half done then. FinalityBrokenError stays: each later call rejects with it too, until `accept`.
   */
  async poll(): Promise<boolean> {
    if (this.#broken) throw this.#broken;
    let problem: unknown;
    for (const member of this.#panel.inTurn()) {
      try {
        this.#head = await this.#look(member);
        this.#problem = undefined;
        this.#clockOffSeconds = member.freshness.clockOffSeconds;
        this.#panel.worked(member);
        return member.freshness.isFresh();
      } catch (error) {
        // Another process was faster; whose states these are the next look shows.
        if (error instanceof ChainOvertakenError) return member.freshness.isFresh();
        problem = error;
        if (error instanceof FinalityBrokenError || error instanceof FinalityDisputedError) break;
        this.#panel.failed(member, error);
      }
    }
    this.#problem = problem instanceof Error ? problem.message : String(problem);
    if (problem instanceof FinalityBrokenError) this.#stop(problem);
    // The others go on looking for the final block at once, until they agree.
    if (problem instanceof FinalityDisputedError) this.#finalityAt = undefined;
    throw problem;
  }

  /**
   * The operator has looked, and says that the chain which took back a final block is the one that counts, from a block on
   * that both have. Refused with ReorgRefusedError while finality is not broken, or when an endpoint has another block.
   * @param rollBack undoes what else was final on the old chain above the block
   */
  async accept(block: FinalizedBlock, rollBack: (block: bigint) => Promise<void>): Promise<void> {
    if (!this.#broken)
      throw new ReorgRefusedError("the chain has not taken back a final block: there is nothing to accept");
    const { ledger, store, deploymentBlock, log } = this.#options;
    const [panel, reader] = [this.#panel, this.#reader];
    this.#waiting = await acceptReorg(block, { panel, reader, ledger, store, deploymentBlock, rollBack });
    this.#panel.forget();
    this.#broken = undefined;
    this.#problem = undefined;
    this.#head = undefined;
    this.#readTo = undefined;
    this.#finalityAt = undefined;
    log.warn(block, "the operator accepts the chain that took back a final block: it is read again from this block on");
  }

  /** For the operator. */
  async status() {
    const finalized = await this.#options.store.finalized();
    return {
      head: this.#head,
      finalized,
      broken: this.#broken?.message,
      problem: this.#problem,
      endpoints: this.#panel.status(),
      rolledBackBlocks: this.#rolledBack,
      unconfirmedChannels: this.#waiting?.size ?? 0,
      disagreements: this.#reader.disagreements,
      reconciliation: this.#reconciler.status(),
    };
  }

  #stop(error: FinalityBrokenError): void {
    this.#broken = error;
    this.#options.log.error({ problem: error.message }, "THE CHAIN TOOK BACK A FINAL BLOCK: nothing is lent any more");
  }

  async #look(member: Member): Promise<Head> {
    const saved = await this.#load();
    this.#cursor = saved.cursor;
    const { endpoint } = member;
    if (saved.finalized && this.#canPeek(saved)) {
      const { latest, blocks } = await this.#ranges.peek(endpoint, saved.finalized.number + 1n);
      this.#panel.saw(member, latest, saved.readTo);
      if (isSameJournal(saved.journal, blocks)) {
        this.#readTo = latest.number;
        return latest;
      }
    }
    const heads = await endpoint.heads();
    this.#panel.saw(member, heads.latest, saved.readTo);
    const final = await this.#finalOf(member, heads, saved);
    await this.#catchUp(member, heads, saved, final);
    this.#readAt = this.#options.clock.elapsed();
    await this.#reconciler.step(member, heads, await this.#loadOwn(), this.#waiting!);
    return heads.latest;
  }

  async #load(): Promise<Saved> {
    const { store } = this.#options;
    const [finalized, cursor, journal] = await Promise.all([store.finalized(), store.chainCursor(), store.journal()]);
    const readTo = cursor === undefined || (this.#readTo ?? 0n) > cursor ? this.#readTo : cursor;
    return { finalized, readTo, cursor, journal };
  }

  /** The same as this look left it: journal and states of a later block are not to be held against its heads. */
  async #loadOwn(): Promise<Saved> {
    const saved = await this.#load();
    if (saved.cursor === this.#cursor) return saved;
    throw new ChainOvertakenError(`another process has read the chain on from block ${this.#cursor}: look again`);
  }

  /** Whether a look at events and the newest block can be enough. */
  #canPeek({ finalized, readTo }: Saved): boolean {
    const { clock } = this.#options;
    const now = clock.elapsed();
    const isFinalityDue = this.#finalityAt === undefined || now - this.#finalityAt >= FINALITY_EVERY_MS;
    const isWaiting = this.#waiting === undefined || (this.#waiting.size > 0 && now - this.#readAt >= WAITING_EVERY_MS);
    const span = (this.#head?.number ?? readTo ?? 0n) - finalized!.number;
    return !isWaiting && !isFinalityDue && !this.#reconciler.isDue() && span < this.#ranges.size;
  }

  /** The block up to which the journal can be forgotten. */
  async #finalOf(member: Member, { finalized }: Heads, saved: Saved): Promise<FinalizedBlock> {
    if (saved.finalized) await requireFinal(this.#panel, member, saved.finalized, finalized);
    if (saved.finalized && finalized.number <= saved.finalized.number) {
      this.#finalityAt = this.#options.clock.elapsed();
      return saved.finalized;
    }
    const agreed = await agreedFinal(this.#panel, member, finalized);
    if (!agreed && !saved.finalized) {
      throw new InconsistentError(`no other endpoint has block ${finalized.number}, final at ${member.endpoint.name}`);
    }
    if (agreed) this.#finalityAt = this.#options.clock.elapsed();
    return agreed ?? saved.finalized!;
  }

  async #catchUp(member: Member, heads: Heads, saved: Saved, final: FinalizedBlock): Promise<void> {
    const { deploymentBlock } = this.#options;
    this.#waiting ??= new Set(saved.journal.flatMap(({ touched }) => touched));
    // A ledger of an earlier version has no final block, and a cursor that was safe.
    const oldest = saved.finalized?.number ?? saved.readTo ?? deploymentBlock - 1n;
    let readTo = oldest < final.number ? oldest : final.number;
    if (readTo < deploymentBlock - 1n) readTo = deploymentBlock - 1n;
    while (readTo < final.number) readTo = await this.#readFinal(member, heads, saved, readTo, final);
    await this.#readOpen(member, heads, await this.#loadOwn(), final);
  }

  /** Up to the final block in steps, each kept by itself: a daemon that was away for long may be stopped in between. */
  async #readFinal(member: Member, heads: Heads, saved: Saved, readTo: bigint, final: FinalizedBlock): Promise<bigint> {
    const from = readTo + 1n;
    const to = this.#ranges.endOf(from, final.number);
    const { blocks, endHash } = await this.#ranges.read(member.endpoint, from, to);
    if (endHash === undefined || (to === final.number && endHash !== final.hash)) {
      throw new InconsistentError(`${member.endpoint.name} does not have block ${to} as it is final`);
    }
    const known = saved.journal.filter(({ number }) => number >= from && number <= to);
    const { vanished, touched } = compareJournal(known, blocks);
    await this.#omissions.by(member, vanished);
    await this.#record(member, heads, touched, {
      readTo: saved.readTo !== undefined && saved.readTo > to ? saved.readTo : to,
      blocks: [],
      finalized: { number: to, hash: endHash },
    });
    return to;
  }

  /** What is above the final block, and may still change. */
  async #readOpen(member: Member, heads: Heads, saved: Saved, final: FinalizedBlock): Promise<void> {
    const { latest } = heads;
    const found = await this.#ranges.readAll(member.endpoint, final.number + 1n, latest);
    const known = saved.journal.filter(({ number }) => number > final.number);
    const kept = await this.#omissions.by(member, compareJournal(known, found).vanished);
    const blocks = keepBlocks(found, kept);
    const change = compareJournal(known, blocks);
    const touched = new Set([...change.touched, ...this.#waiting!]);
    this.#noteRollback(member, change, saved);
    await this.#record(member, heads, touched, {
      readTo: latest.number,
      dropFrom: change.from,
      blocks: change.from === undefined ? [] : blocks.filter(({ number }) => number >= change.from!),
      // Below the deployment there was nothing to read, and it is still what the chain is known by.
      ...(saved.finalized ? {} : { finalized: final }),
    });
    this.#readTo = latest.number;
  }

  async #record(
    member: Member,
    heads: Heads,
    touched: ReadonlySet<Address>,
    progress: { readTo: bigint; dropFrom?: bigint | undefined; blocks: JournalBlock[]; finalized?: FinalizedBlock },
  ): Promise<void> {
    const { ledger } = this.#options;
    const { states, waiting } = await this.#reader.read(member, heads, touched);
    await ledger.recordChain({
      ...{ states, readTo: progress.readTo, after: this.#cursor ?? null, blocks: progress.blocks },
      ...(progress.dropFrom === undefined ? {} : { dropFrom: progress.dropFrom }),
      ...(progress.finalized ? { finalized: progress.finalized } : {}),
    });
    this.#cursor = progress.readTo;
    for (const channel of touched) this.#waiting!.delete(channel);
    for (const channel of waiting) this.#waiting!.add(channel);
  }

  #noteRollback(member: Member, { from, vanished }: JournalChange, { readTo }: Saved): void {
    if (vanished.length === 0) return;
    this.#rolledBack += vanished.length;
    this.#options.log.warn(
      { endpoint: member.endpoint.name, from, readTo, blocks: vanished.length },
      "a reorg took back blocks with events: their channels were read again",
    );
  }
}
