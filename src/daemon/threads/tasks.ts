// What goes to a thread and back. Apart from the pool: a thread needs none.

/** `digest 32 | signature 65`, and `is one 1 | address 20`. */
export const [ASKED, ANSWERED] = [97, 21] as const;

/** Envelopes one after another in a buffer that moves to the thread, and where each ends. */
export interface ReadingTask {
  bytes: Uint8Array;
  ends: readonly number[];
  retentionDays: number;
}
