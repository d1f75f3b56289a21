import { expect } from "chai";
import fc from "fast-check";

import { readEnvelope } from "../../../src/daemon/threads/readEnvelope.ts";
import type { Threads } from "../../../src/daemon/threads/threads.ts";
import { openThreads } from "../../../src/daemon/threads/threads.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { recoverAddress, signDigest } from "../../../src/protocol/ecdsa.ts";
import { RETENTION_DAYS, originatorEnvelope, payerEnvelope } from "../../support/envelopes.ts";
import { NODE_ID, PAYER, PAYER_KEY } from "../support.ts";

const SIGNING_KEY = new Uint8Array(32).fill(0x22);
const envelopeOf = (n: number) =>
  originatorEnvelope(
    payerEnvelope(n, NODE_ID, PAYER_KEY),
    { originatorId: NODE_ID, sequenceId: BigInt(n + 1), originatorNs: BigInt(n) * 1_000_000n },
    SIGNING_KEY,
  );

describe("daemon/threads", () => {
  let threads: Threads;
  beforeEach(() => (threads = openThreads(silentLog, { count: 2 })));
  afterEach(() => threads.close());

  it("reads what would be read here, in order, and says what cannot be read", async () => {
    const envelopes = Array.from({ length: 600 }, (_, i) => envelopeOf(i));
    envelopes[10] = new Uint8Array([1, 2, 3]);
    envelopes[599] = new Uint8Array();
    const before = envelopes.map((envelope) => envelope.slice());
    const read = await threads.read(envelopes, RETENTION_DAYS);
    expect(read).to.deep.equal(before.map((envelope) => readEnvelope(envelope, RETENTION_DAYS)));
    expect(read[11]).to.include({ payer: PAYER, originatorNs: 11_000_000n, isFree: false });
    expect(read[10]).to.have.property("problem");
    expect(envelopes, "the caller's bytes are its own").to.deep.equal(before);
  });

  it("recovers what noble recovers, one or many at a time, also from bytes that are no signature", async () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const one = fc.record({ digest: bytes(32), forged: fc.boolean(), noise: bytes(65) });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 80 }), async (items) => {
        const signed = items.map(({ digest, forged, noise }) => ({
          digest,
          signature: forged ? noise : signDigest(digest, PAYER_KEY),
        }));
        const found = await Promise.all(signed.map(({ digest, signature }) => threads.recover(digest, signature)));
        expect(found).to.deep.equal(signed.map(({ digest, signature }) => recoverAddress(digest, signature)));
      }),
      { numRuns: 20 },
    );
  });

  it("does here what its threads cannot do any more", async () => {
    const many = Array.from({ length: 300 }, (_, i) => envelopeOf(i));
    const reading = threads.read(many, RETENTION_DAYS);
    await threads.close();
    const expected = many.map((envelope) => readEnvelope(envelope, RETENTION_DAYS));
    expect(await reading).to.deep.equal(expected);
    expect(await threads.read(many, RETENTION_DAYS)).to.deep.equal(expected);
    const digest = new Uint8Array(32).fill(5);
    const signature = signDigest(digest, PAYER_KEY);
    const found = await Promise.all(Array.from({ length: 100 }, () => threads.recover(digest, signature)));
    expect(new Set(found)).to.deep.equal(new Set([PAYER]));
  });

  it("goes on here when its threads cannot be started", async () => {
    let warnings = 0;
    const file = new URL("./unloadableThread.ts", import.meta.url).href;
    const broken = openThreads({ ...silentLog, warn: () => void warnings++ }, { count: 2, file });
    const many = Array.from({ length: 300 }, (_, i) => envelopeOf(i));
    const expected = many.map((envelope) => readEnvelope(envelope, RETENTION_DAYS));
    for (let i = 0; i < 6; i++) expect(await broken.read(many, RETENTION_DAYS)).to.deep.equal(expected);
    expect(warnings, "and says so a bounded number of times").to.be.within(1, 20);
    await broken.close();
  });
});
