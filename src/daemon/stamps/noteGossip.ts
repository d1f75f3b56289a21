import type { Clock } from "../../platform/clock.ts";
import type { Log } from "../../platform/log.ts";
import { within } from "../../platform/within.ts";
import type { NoteResult, WelcomePass } from "../../protocol/stamps/stampsJson.ts";
import { MOST_NOTES, isForLater } from "../../protocol/stamps/stampsJson.ts";
import type { RegisteredNode } from "../ports.ts";
import type { KeptNote, StampStore } from "./ports.ts";

/** Carries notes and passes to another daemon. Every call may fail. */
export interface StampTransport {
  notes(httpAddress: string, notes: readonly Uint8Array[], signal: AbortSignal): Promise<NoteResult[]>;
  passes(httpAddress: string, passes: readonly WelcomePass[], signal: AbortSignal): Promise<void>;
}

const SEND_MS = 5_000;
/** Pages that one peer is sent in a round. */
const PAGES = 5;
/** Notes that a peer could not take yet: it has not met the welcome, or had too much to do. */
const MOST_AGAIN = 1_000;
const MOST_TRIES = 60;
/** After so many rounds all is told again: a peer may have lost it. */
const ROUNDS_BETWEEN_RETELLINGS = 1_000;

interface Told {
  noteId: bigint;
  passId: bigint;
  again: Map<bigint, { packed: Uint8Array; tries: number }>;
}

export interface NoteGossipOptions {
  nodeId: number;
  store: Pick<StampStore, "notesAfter" | "passesAfter">;
  transport: StampTransport;
  clock: Clock;
  log: Log;
}

/** Tells every peer what this node has heard since that peer last listened. What it has, it passes over. */
export class NoteGossip {
  readonly #options: NoteGossipOptions;
  readonly #told = new Map<number, Told>();
  #round = 0;

  constructor(options: NoteGossipOptions) {
    this.#options = options;
  }

  async round(peers: readonly RegisteredNode[], signal: AbortSignal): Promise<void> {
    const others = peers.filter(({ nodeId }) => nodeId !== this.#options.nodeId);
    for (const nodeId of this.#told.keys()) {
      if (!others.some((peer) => peer.nodeId === nodeId)) this.#told.delete(nodeId);
    }
    if (++this.#round % ROUNDS_BETWEEN_RETELLINGS === 0) this.#told.clear();
    await Promise.all(
      others.map((peer) =>
        this.#tell(peer, signal).catch((error: unknown) => {
          if (signal.aborted) return;
          this.#options.log.debug({ peer: peer.nodeId, error: String(error) }, "a peer did not take our notes");
        }),
      ),
    );
  }

  async #tell({ nodeId, httpAddress }: RegisteredNode, signal: AbortSignal): Promise<void> {
    const { store, transport } = this.#options;
    const told = this.#told.get(nodeId) ?? { noteId: 0n, passId: 0n, again: new Map() };
    this.#told.set(nodeId, told);
    // A pass first: what it frees of a stamp nobody has to state anything about.
    for (let page = 0; page < PAGES; page++) {
      const passes = await store.passesAfter(told.passId, MOST_NOTES);
      if (passes.length === 0) break;
      await this.#send(signal, (ended) => transport.passes(httpAddress, passes, ended));
      told.passId = passes.at(-1)!.id;
    }
    await this.#tellAgain(told, httpAddress, signal);
    for (let page = 0; page < PAGES; page++) {
      const notes = await store.notesAfter(told.noteId, MOST_NOTES);
      if (notes.length === 0) return;
      await this.#tellNotes(told, notes, httpAddress, signal);
      told.noteId = notes.at(-1)!.id;
    }
  }

  async #tellAgain(told: Told, httpAddress: string, signal: AbortSignal): Promise<void> {
    const some = [...told.again].slice(0, MOST_NOTES).map(([id, { packed }]) => ({ id, packed }));
    if (some.length > 0) await this.#tellNotes(told, some, httpAddress, signal);
  }

  async #tellNotes(
    told: Told,
    notes: readonly Pick<KeptNote, "id" | "packed">[],
    httpAddress: string,
    signal: AbortSignal,
  ): Promise<void> {
    const packed = notes.map((note) => note.packed);
    const results = await this.#send(signal, (ended) => this.#options.transport.notes(httpAddress, packed, ended));
    for (const [i, note] of notes.entries()) {
      const code = results[i]?.code;
      const tries = (told.again.get(note.id)?.tries ?? 0) + 1;
      told.again.delete(note.id);
      if (isForLater(code) && tries < MOST_TRIES && told.again.size < MOST_AGAIN) {
        told.again.set(note.id, { packed: note.packed, tries });
      }
    }
  }

  #send<T>(signal: AbortSignal, call: (ended: AbortSignal) => Promise<T>): Promise<T> {
    return within(signal, SEND_MS, call, this.#options.clock);
  }
}
