import { expect } from "chai";
import type { ConnectError } from "@connectrpc/connect";
import { Code } from "@connectrpc/connect";

import type { Candidate } from "../../../src/daemon/proxy/answers.ts";
import { Fates } from "../../../src/daemon/proxy/fates.ts";
import { HeldBytes } from "../../../src/daemon/proxy/heldBytes.ts";
import type { Lookup } from "../../../src/daemon/proxy/lookup.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { ManualClock } from "../../support/manualClock.ts";

const MEBIBYTE = 1024 * 1024;

function fatesWith(inTopic: Lookup["inTopic"]) {
  const clock = new ManualClock();
  return new Fates({
    ...{ clock, log: silentLog, graceMs: 1_000, doubtLog: () => {}, meter: async () => {}, conclude: async () => {} },
    lookup: { inTopic } as Lookup,
  });
}

const candidate = (key: string, bytes: number) => ({ key, read: { bytes: new Uint8Array(bytes) } }) as Candidate;

describe("daemon/proxy, what is held", () => {
  it("publishes under way and without an answer are bounded by number and by bytes, and give their room back", async () => {
    const fates = fatesWith(async () => ({ sequenceId: 1n }) as never);
    const large = Array.from({ length: 8 }, (_, i) => [candidate(`l${i}`, 8 * MEBIBYTE)]);
    for (const one of large) expect(fates.take(one)).to.equal(true);
    expect(fates.take([candidate("one more", 1)]), "64 MiB").to.equal(false);
    // One is answered, one gets no answer and is found.
    fates.give(large[0]!);
    expect(fates.take([candidate("x", 8 * MEBIBYTE)])).to.equal(true);
    await fates.resolve({ candidates: large[1]!, admission: { isHeld: () => true, release: () => {} }, above: 0n });
    expect(fates.take([candidate("y", 8 * MEBIBYTE)])).to.equal(true);
    expect(fates.take([candidate("z", 1)])).to.equal(false);
    const many = fatesWith(async () => undefined);
    for (let i = 0; i < 100; i++) {
      expect(many.take(Array.from({ length: 100 }, (_, j) => candidate(`${i}/${j}`, 1)))).to.equal(true);
    }
    expect(many.take([candidate("10,001st", 1)])).to.equal(false);
  });

  it("frames that wait for slow readers are bounded over all streams", async () => {
    const held = new HeldBytes(10);
    const frames = async function* () {
      for (const size of [4, 4]) yield size;
    };
    const open = () => held.pass(frames(), (size) => size)[Symbol.asyncIterator]();
    const [slow, other, third] = [open(), open(), open()];
    expect([(await slow.next()).value, (await other.next()).value]).to.deep.equal([4, 4]);
    const refused = await third.next().catch((error: unknown) => error);
    expect((refused as ConnectError).code).to.equal(Code.ResourceExhausted);
    await other.next();
    expect((await other.next()).done).to.equal(true);
    expect(held.held, "who reads holds nothing").to.equal(4);
    await slow.return!();
    expect(held.held, "nor who leaves").to.equal(0);
  });
});
