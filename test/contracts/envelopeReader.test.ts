import { create } from "@bufbuild/protobuf";
import { expect } from "chai";
import type { Contract } from "ethers";
import { network } from "hardhat";

import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { describeReading, runEnvelopeCampaign } from "../../scripts/campaigns/envelopes/campaign.ts";
import { deployHarness } from "../../scripts/campaigns/envelopes/deployHarness.ts";
import { bytesField, field, varint } from "../../scripts/campaigns/envelopes/generate.ts";
import { readAsGo } from "../../src/protocol/goEnvelope.ts";
import { concatBytes, fromHex } from "../../src/protocol/bytes.ts";
import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { readVectors } from "../support/vectors.ts";
import type { Network } from "./fixtures.ts";

interface Vectors {
  unsignedOriginatorEnvelope: string;
  payerEnvelopeHash: string;
}

/** Malformation, in the order of the contract. */
const Malformation = { Truncated: 0n, VarintTooLong: 1n, FieldNumber: 2n, WireType: 3n, EndGroup: 4n, TooDeep: 5n };

const MAX64 = 2n ** 64n - 1n;
const scalar = (number: number, value: bigint, padding = 0) => field(number, 0, varint(value, padding));
const nested = (count: number, open: Uint8Array, close: Uint8Array) =>
  concatBytes(...Array<Uint8Array>(count).fill(open), ...Array<Uint8Array>(count).fill(close));

describe("EnvelopeReader", () => {
  let net: Network;
  let harness: Contract;
  before(async () => {
    net = await network.create({ network: "local", chainType: "l1" });
    harness = await deployHarness(net);
  });
  after(() => net.close());

  const read = async (...parts: Uint8Array[]) =>
    (await harness.getFunction("read").staticCall(concatBytes(...parts))) as {
      originatorNodeId: bigint;
      sequenceId: bigint;
      originatorNs: bigint;
      payerEnvelopeHash: string;
    };
  const readTarget = async (payerEnvelope: Uint8Array) =>
    (await harness.getFunction("readTarget").staticCall(bytesField(4, payerEnvelope))) as bigint;
  const expectMalformed = (reason: bigint, ...parts: Uint8Array[]) =>
    expect(read(...parts))
      .to.be.revertedWithCustomError(harness, "EnvelopeReaderMalformed")
      .withArgs(reason);

  it("reads a real envelope", async () => {
    const { unsignedOriginatorEnvelope: bytes, payerEnvelopeHash } = readVectors<Vectors>("envelope");
    const fields = await read(fromHex(bytes));
    expect(fields.originatorNodeId).to.equal(100n);
    expect(fields.sequenceId).to.equal(12_345n);
    expect(fields.payerEnvelopeHash).to.equal(payerEnvelopeHash);
    expect(await harness.getFunction("readTarget").staticCall(bytes)).to.equal(100n);
  });

  it("reads nothing as zeros", async () => {
    const fields = await read();
    expect([fields.originatorNodeId, fields.sequenceId, fields.originatorNs]).to.deep.equal([0n, 0n, 0n]);
    expect(await readTarget(new Uint8Array())).to.equal(0n);
  });

  it("takes the last value of a repeated field", async () => {
    const fields = await read(
      scalar(2, 1n),
      scalar(1, 100n),
      scalar(2, 7n),
      bytesField(4, Uint8Array.of(1)),
      bytesField(4, new Uint8Array()),
    );
    expect(fields.sequenceId).to.equal(7n);
    expect(describeReading(readAsGo(bytesField(4, new Uint8Array())))).to.include(fields.payerEnvelopeHash);
  });

  it("cuts numbers to their width and takes up to ten bytes for one", async () => {
    const fields = await read(scalar(1, 2n ** 32n + 100n), scalar(2, 5n, 9), scalar(3, MAX64));
    expect([fields.originatorNodeId, fields.sequenceId, fields.originatorNs]).to.deep.equal([100n, 5n, -1n]);
    expect(await readTarget(scalar(3, MAX64))).to.equal(2n ** 32n - 1n);
  });

  it("skips unknown fields, groups, and known fields with another wire type", async () => {
    const group = concatBytes(
      field(9, 3, scalar(2, 5n)),
      field(10, 3, new Uint8Array()),
      field(10, 4, new Uint8Array()),
    );
    const fields = await read(
      scalar(2, 7n),
      field(2, 1, new Uint8Array(8)),
      field(2, 5, new Uint8Array(4)),
      bytesField(2, new Uint8Array(3)),
      concatBytes(group, field(9, 4, new Uint8Array())),
      field(2 ** 29 - 1, 0, varint(1n)),
      scalar(1, 100n),
    );
    expect([fields.originatorNodeId, fields.sequenceId]).to.deep.equal([100n, 7n]);
  });

  it("refuses what is truncated, too long, or no field", async () => {
    await expectMalformed(Malformation.Truncated, Uint8Array.of(0x08));
    await expectMalformed(Malformation.Truncated, Uint8Array.of(0x88));
    await expectMalformed(Malformation.Truncated, Uint8Array.of(0x22, 2, 0));
    await expectMalformed(Malformation.Truncated, field(4, 2, varint(MAX64)));
    await expectMalformed(Malformation.Truncated, field(9, 1, new Uint8Array(7)));
    await expectMalformed(Malformation.Truncated, field(9, 5, new Uint8Array(3)));
    await expectMalformed(Malformation.Truncated, field(9, 3, new Uint8Array()));
    await expectMalformed(Malformation.VarintTooLong, field(1, 0, Uint8Array.of(...Array<number>(9).fill(0x80), 2)));
    await expectMalformed(Malformation.VarintTooLong, field(1, 0, Uint8Array.of(...Array<number>(10).fill(0x80), 0)));
    await expectMalformed(Malformation.FieldNumber, field(0, 0, varint(1n)));
    await expectMalformed(Malformation.FieldNumber, field(2 ** 29, 0, varint(1n)));
    await expectMalformed(Malformation.FieldNumber, field(9, 3, field(2 ** 31, 0, varint(1n))));
    await expectMalformed(Malformation.FieldNumber, field(9, 3, field(0, 0, varint(1n))));
    for (const wireType of [6, 7]) await expectMalformed(Malformation.WireType, field(1, wireType, new Uint8Array()));
    await expectMalformed(Malformation.EndGroup, field(1, 4, new Uint8Array()));
    await expectMalformed(Malformation.EndGroup, field(9, 3, field(10, 4, new Uint8Array())));
  });

  it("takes larger field numbers inside a group, as Go does", async () => {
    const group = concatBytes(field(9, 3, field(2 ** 31 - 1, 0, varint(1n))), field(9, 4, new Uint8Array()));
    expect((await read(group, scalar(2, 3n))).sequenceId).to.equal(3n);
  });

  it("nests groups as deep as Go does, and no deeper", async () => {
    // Go itself says so: `go/` reads 10,001 levels and refuses 10,002. The model's own stack is too small.
    const [open, close] = [field(9, 3, new Uint8Array()), field(9, 4, new Uint8Array())];
    expect((await read(nested(10_001, open, close), scalar(2, 3n))).sequenceId).to.equal(3n);
    await expectMalformed(Malformation.TooDeep, nested(10_002, open, close));
  });

  it("refuses a payer envelope whose signature is malformed, and still reads the envelope around it", async () => {
    const payerEnvelope = concatBytes(scalar(3, 200n), bytesField(2, Uint8Array.of(0x0a, 9)));
    await expect(readTarget(payerEnvelope)).to.be.revertedWithCustomError(harness, "EnvelopeReaderMalformed");
    expect((await read(scalar(2, 3n), bytesField(4, payerEnvelope))).sequenceId).to.equal(3n);
    const split = concatBytes(
      bytesField(2, bytesField(1, new Uint8Array(3))),
      bytesField(2, scalar(7, 1n)),
      scalar(3, 9n),
    );
    expect(await readTarget(split)).to.equal(9n);
  });

  it("costs at most 800 gas a byte for the worst bytes, and next to nothing for what is inside a bytes field", async () => {
    const gasOf = async (bytes: Uint8Array) => {
      const [reading] = (await harness.getFunction("readMany").staticCall([bytes])) as [{ gas: bigint }];
      return Number(reading.gas);
    };
    const empty = await gasOf(new Uint8Array());
    const worst = [
      concatBytes(...Array<Uint8Array>(8_000).fill(scalar(9, 0n))),
      nested(4_000, field(9, 3, new Uint8Array()), field(9, 4, new Uint8Array())),
      concatBytes(
        ...Array<Uint8Array>(2_000).fill(concatBytes(field(9, 3, new Uint8Array()), field(9, 4, new Uint8Array()))),
      ),
      concatBytes(...Array<Uint8Array>(700).fill(scalar(2, 1n, 9))),
    ];
    for (const bytes of worst) expect(((await gasOf(bytes)) - empty) / bytes.length).to.be.lessThan(800);
    expect((await gasOf(bytesField(4, new Uint8Array(16_000)))) - empty).to.be.lessThan(80_000);
  });

  it("reads as Go does: 1,400 generated cases", async function () {
    this.timeout(180_000);
    const result = await runEnvelopeCampaign(harness, { cases: 1_400, seed: 42 });
    expect(result.read).to.be.greaterThan(700);
    expect(result.targets).to.be.greaterThan(600);
  });

  it("differs from protobuf-es, which takes a known field of another wire type for the right one", async () => {
    const bytes = concatBytes(scalar(2, 7n), bytesField(1, varint(5n)));
    expect(readAsGo(bytes)).to.include({ originatorNodeId: 0, sequenceId: 7n });
    expect((await read(bytes)).originatorNodeId).to.equal(0n);
    // The length is read as the id, and what follows as the next field: here, none that is valid.
    const envelope = create(OriginatorEnvelopeSchema, { unsignedOriginatorEnvelope: bytes });
    expect(() => readOriginatorEnvelope(envelope)).to.throw("not valid protobuf");
  });
});
