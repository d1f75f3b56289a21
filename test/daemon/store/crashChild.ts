/**
 * Writes into a store until it is killed: `node --import tsx crashChild.ts <database> <node id> <originator>`.
 * A line on standard output is written after the store has said that something is on disk: `meter <cursor>`,
 * `raise <fees>`, `attempt <n>`. Work goes on where the store says that it stands, so the child may be started again and
 * again. What it writes follows from its numbers alone; crashCheck.ts says what has to be there.
 */
import { writeSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import { openStore } from "../../../src/daemon/store/openStore.ts";
import { systemClock } from "../../../src/platform/clock.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { CHANNELS, DOMAIN, SENDER, attemptOf, chargesOf, intentOf, voucherOf } from "./crashWork.ts";

// The test runner loads this file too.
if (process.argv[1] === fileURLToPath(import.meta.url)) await write(process.argv.slice(2));

async function write([at, node, from]: string[]): Promise<never> {
  const [nodeId, originatorId] = [Number(node), Number(from)];
  const store = await openStore({ at: at!, domain: DOMAIN, nodeId, clock: systemClock, log: silentLog });
  const { ledger, intents, leadership } = store;
  const say = (what: string, n: bigint) => writeSync(1, `${what} ${n}\n`);

  const states = new Map(CHANNELS.map((channel) => [channel, { ...EMPTY_CHANNEL, deposited: 1n }]));
  await ledger.recordChain({ states, readTo: 1n, blocks: [] });
  let after = await ledger.meterCursor(originatorId);
  let fees = (await ledger.account(CHANNELS[0]!))?.vouchers?.fees.fees ?? 0n;
  const open = await intents.open(SENDER);
  let nonce = open.length === 0 ? 0 : open.at(-1)!.nonce + 1;
  const term = await leadership.hold(`crash-${process.pid}`, 50);
  say("ready", after);
  // As a leader would: what was decided on and not sent yet goes first.
  for (const { id, nonce: begun, attempts } of term === undefined ? [] : open) {
    if (attempts.length > 0) continue;
    await intents.addAttempt(id, attemptOf(begun), term!);
    say("attempt", BigInt(begun));
  }
  for (;;) {
    const upTo = after + 50n;
    await ledger.meter({
      originatorId,
      after,
      upTo,
      charges: chargesOf(after, upTo),
      minuteCounts: new Map([[0n, upTo]]),
    });
    after = upTo;
    say("meter", after);
    fees++;
    await ledger.raise(CHANNELS.map((channel) => voucherOf(channel, fees)));
    say("raise", fees);
    if (term === undefined) continue;
    const { id } = await intents.begin(intentOf(nonce), term);
    await intents.addAttempt(id, attemptOf(nonce), term);
    say("attempt", BigInt(nonce));
    nonce++;
  }
}
