/** The daemon's books as a library: who has paid for how much, from the database that the daemon keeps. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import { systemClock as clock } from "pennyblack/client";
import { openStore, openThreads } from "pennyblack/daemon";
import { addressOf, signDigest, toAddress } from "pennyblack/protocol";

const log = { debug() {}, info() {}, warn: console.warn, error: console.error };
const domain = { chainId: 84532n, postageChannels: toAddress("0x00000000000000000000000000000000000000aa") };

// A file's path, or postgres://...; here in memory. It belongs to one node on one network.
const store = await openStore({ at: ":memory:", domain, nodeId: 100, clock, log });
const key = new Uint8Array(32).fill(7);
for (const { channel, usagePico, vouchers } of await store.ledger.accounts(undefined, 100)) {
  console.log(channel, usagePico, vouchers?.fees.fees); // used and signed for; page on with the last channel
}
assert.equal(await store.ledger.meterCursor(100), 0n); // how far the node's log is charged: a new book has nothing yet
await store.close();

// Signatures in threads, some twenty times as fast as in plain JavaScript where compiled code loads.
const threads = openThreads(log, { count: 1 });
const digest = randomBytes(32);
assert.equal(await threads.recover(digest, signDigest(digest, key)), addressOf(key));
await threads.close();
