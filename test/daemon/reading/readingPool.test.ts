import { expect } from "chai";

import { readEnvelope } from "../../../src/daemon/reading/readEnvelope.ts";
import type { ReadingPool } from "../../../src/daemon/reading/readingPool.ts";
import { openReadingPool } from "../../../src/daemon/reading/readingPool.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { RETENTION_DAYS, originatorEnvelope, payerEnvelope } from "../../support/envelopes.ts";
import { NODE_ID, PAYER, PAYER_KEY } from "../support.ts";

const SIGNING_KEY = new Uint8Array(32).fill(0x22);
const envelopeOf = (n: number) =>
  originatorEnvelope(
    payerEnvelope(n, NODE_ID, PAYER_KEY),
    { originatorId: NODE_ID, sequenceId: BigInt(n + 1), originatorNs: BigInt(n) * 1_000_000n },
    SIGNING_KEY,
  );

describe("readingPool", () => {
  let pool: ReadingPool;
  beforeEach(() => (pool = openReadingPool(silentLog, 2)));
  afterEach(() => pool.close());

  it("reads in threads what it would read here, in order, and says what cannot be read", async () => {
    const envelopes = Array.from({ length: 600 }, (_, i) => envelopeOf(i));
    envelopes[10] = new Uint8Array([1, 2, 3]);
    envelopes[599] = new Uint8Array();
    const before = envelopes.map((envelope) => envelope.slice());
    const read = await pool.read(envelopes, RETENTION_DAYS);
    expect(read).to.deep.equal(before.map((envelope) => readEnvelope(envelope, RETENTION_DAYS)));
    expect(read[11]).to.include({ payer: PAYER, originatorNs: 11_000_000n, isFree: false });
    expect(read[10]).to.have.property("problem");
    expect(envelopes, "the callers' bytes are theirs").to.deep.equal(before);
  });

  it("reads few here, and everything when its threads are gone", async () => {
    const few = Array.from({ length: 3 }, (_, i) => envelopeOf(i));
    expect(await pool.read(few, RETENTION_DAYS)).to.have.length(3);
    const many = Array.from({ length: 300 }, (_, i) => envelopeOf(i));
    const reading = pool.read(many, RETENTION_DAYS);
    await pool.close();
    expect(await reading).to.deep.equal(many.map((envelope) => readEnvelope(envelope, RETENTION_DAYS)));
    expect(await pool.read(many, RETENTION_DAYS)).to.have.length(300);
  });
});
