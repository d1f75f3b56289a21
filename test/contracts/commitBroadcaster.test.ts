import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";

import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { Dice, bytesField, field, varint } from "../../scripts/campaigns/envelopes/generate.ts";
import { concatBytes, equalBytes, toHex, uintToBytes } from "../../src/protocol/bytes.ts";
import { destinationOf, readClientEnvelope } from "../../src/protocol/envelope.ts";
import { topicBytes } from "../../src/protocol/topics.ts";
import { deployedWorld } from "./fixtures.ts";
import type { World } from "./fixtures.ts";

/** More for a campaign: `PENNYBLACK_COMMIT_CASES=200000 PENNYBLACK_COMMIT_SEED=7`. */
const CASES = Number(process.env.PENNYBLACK_COMMIT_CASES ?? "2000");
const SEED = Number(process.env.PENNYBLACK_COMMIT_SEED ?? "1");
const BATCH = 64;

const GROUP = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** What the contract has to say: as the codec does, yes or no whatever the codec does, or no more than the codec. */
type Verdict = "alike" | "taken" | "refused" | "noMoreThanCodec";

interface Case {
  bytes: Uint8Array;
  verdict: Verdict;
}

function vector(dice: Dice, content: Uint8Array): Uint8Array {
  const { length } = content;
  const forms = [
    () => Uint8Array.of(length & 0x3f),
    () => uintToBytes(BigInt(0x4000 | (length & 0x3fff)), 2),
    () => uintToBytes(BigInt(0x80000000 + length), 4),
    () => Uint8Array.of(0xc0 | (length & 0x3f)),
  ];
  const minimal = length < 64 ? 0 : length < 16_384 ? 1 : 2;
  return concatBytes(forms[dice.chance(12) ? dice.roll(4) : minimal]!(), content);
}

/** An MLS message, mostly as members make it. */
function mlsMessage(dice: Dice, odd: number): Uint8Array {
  const groupId = dice.chance(odd) ? dice.pick([GROUP.subarray(1), dice.bytes(16), dice.bytes(70)]) : GROUP;
  const wireFormat = dice.chance(odd) ? dice.roll(5) : 1 + dice.roll(2);
  const sender = dice.chance(odd) ? dice.roll(7) : 1 + dice.roll(4);
  const isPublic = wireFormat === 1;
  return concatBytes(
    uintToBytes(dice.chance(odd) ? BigInt(dice.roll(3)) : 1n, 2),
    uintToBytes(BigInt(wireFormat), 2),
    odd === Infinity ? concatBytes(Uint8Array.of(16), GROUP) : vector(dice, groupId),
    dice.bytes(8),
    isPublic ? Uint8Array.of(sender) : new Uint8Array(),
    isPublic && (sender === 1 || sender === 2) ? dice.bytes(4) : new Uint8Array(),
    isPublic ? vector(odd === Infinity ? new Dice(0) : dice, dice.bytes(dice.roll(80))) : new Uint8Array(),
    Uint8Array.of(dice.chance(odd) ? dice.roll(5) : 2 + dice.roll(2)),
    dice.bytes(20 + dice.roll(200)),
  );
}

/** As libxmtp encodes it. */
function canonical(dice: Dice, data: Uint8Array): Uint8Array {
  const nodes = Array.from({ length: dice.roll(4) }, (_, i) => [100 * i, BigInt(dice.roll(2 ** 31))] as const);
  const dependsOn = { nodeIdToSequenceId: Object.fromEntries(nodes) };
  const v1 = { data, senderHmac: dice.bytes(dice.roll(33)), shouldPush: dice.chance(2) };
  const envelope = create(ClientEnvelopeSchema, {
    aad: { targetTopic: topicBytes(0, GROUP), dependsOn: dice.chance(4) ? undefined : dependsOn },
    payload: { case: "groupMessage", value: { version: { case: "v1", value: v1 } } },
  });
  return toBinary(ClientEnvelopeSchema, envelope);
}

const scalar = (number: number, value: bigint, padding = 0) => field(number, 0, varint(value, padding));

/** A field that nobody knows here. */
function unknown(dice: Dice): Uint8Array {
  const number = 8 + dice.roll(2_000);
  const value = () => BigInt(dice.roll(2 ** 31)) << BigInt(dice.roll(32));
  return dice.pick([
    () => scalar(number, value(), dice.roll(4)),
    () => bytesField(number, dice.bytes(dice.roll(9)), dice.roll(4)),
    () => field(number, 1, dice.bytes(8)),
    () => field(number, 5, dice.bytes(4)),
  ])();
}

/** One message's fields in any order with unknown ones between, and, when `harm` picks it, one thing that is not allowed. */
function message(dice: Dice, fields: Uint8Array[], harm?: (fields: Uint8Array[]) => void): Uint8Array {
  const all = [...fields, ...Array.from({ length: dice.roll(3) }, () => unknown(dice))];
  for (let i = all.length - 1; i > 0; i--) {
    const j = dice.roll(i + 1);
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  harm?.(all);
  return concatBytes(...all);
}

/** With the freedoms that are allowed; `harmAt` names the message that breaks a rule: 0 none, 1 envelope, 2 aad, ... */
function free(dice: Dice, data: Uint8Array, harmAt: number): Uint8Array {
  const harm = (at: number, known: Uint8Array[], first: number, last: number) => {
    if (harmAt !== at) return undefined;
    return (fields: Uint8Array[]) => {
      const number = first + dice.roll(last - first + 1);
      const made = dice.pick([
        () => dice.pick(known),
        // Known fields of another wire type; of 8 bytes, which every decoder can skip.
        () => field(number, 1, dice.bytes(8)),
        () => field(number, 5, dice.bytes(4)),
        () => concatBytes(field(9, 3, new Uint8Array()), field(9, 4, new Uint8Array())),
        () => field(2 ** 29 + dice.roll(9), 0, varint(1n)),
        () => field(0, 0, varint(1n)),
        () => field(9, 6 + dice.roll(2), varint(1n)),
        () => field(9, 0, Uint8Array.of(...Array<number>(9).fill(0xff), 2)),
      ])();
      fields.splice(dice.roll(fields.length + 1), 0, made);
    };
  };
  const padding = () => (dice.chance(3) ? dice.roll(9) : 0);
  const entry = concatBytes(scalar(1, 100n, padding()), scalar(2, BigInt(dice.roll(2 ** 31)), padding()));
  const cursor = message(dice, [bytesField(1, entry), bytesField(1, entry, padding())]);
  const aadFields = [bytesField(2, topicBytes(0, GROUP), padding()), bytesField(3, cursor, padding())];
  const aad = message(dice, aadFields, harm(2, aadFields, 2, 3));
  const v1Fields = [bytesField(1, data, padding()), bytesField(2, dice.bytes(9)), scalar(3, 1n, padding())];
  const v1 = bytesField(1, message(dice, v1Fields, harm(4, v1Fields, 1, 3)), padding());
  const fields = [bytesField(1, aad, padding()), bytesField(2, message(dice, [v1], harm(3, [v1], 1, 1)), padding())];
  const beside = [...fields, bytesField(3 + dice.roll(5), new Uint8Array())];
  return message(dice, fields, harm(1, beside, 1, 7));
}

function flipped(dice: Dice, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  // Mostly where the fields are: before and in the framing.
  const reach = dice.chance(4) ? copy.length : Math.min(copy.length, 110);
  for (let flips = 1 + dice.roll(3); flips > 0; flips--) copy[dice.roll(reach)]! ^= 1 << dice.roll(8);
  return copy;
}

function makeCase(dice: Dice): Case {
  const good = () => mlsMessage(dice, Infinity);
  switch (dice.roll(7)) {
    case 0:
      return { bytes: canonical(dice, good()), verdict: "taken" };
    case 1:
      return { bytes: canonical(dice, mlsMessage(dice, 8)), verdict: "alike" };
    case 2:
      return { bytes: free(dice, good(), 0), verdict: "taken" };
    case 3:
      return { bytes: free(dice, good(), 1 + dice.roll(4)), verdict: "refused" };
    case 4: {
      const bytes = canonical(dice, good());
      return { bytes: bytes.subarray(0, dice.roll(bytes.length)), verdict: "refused" };
    }
    case 5:
      return { bytes: flipped(dice, free(dice, good(), 0)), verdict: "noMoreThanCodec" };
    default:
      return { bytes: flipped(dice, canonical(dice, good())), verdict: "alike" };
  }
}

/** Whether protocol and codec take it for a commit or proposal of the group. */
function readsAsOrdered(bytes: Uint8Array): boolean {
  try {
    const read = readClientEnvelope(bytes);
    return destinationOf(read) === "commit" && equalBytes(read.topic.identifier, GROUP);
  } catch {
    return false;
  }
}

const asText = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

/** Whether the codec would write just these bytes, and nothing in them is unknown. */
function isPlain(bytes: Uint8Array): boolean {
  const envelope = fromBinary(ClientEnvelopeSchema, bytes);
  if (!equalBytes(toBinary(ClientEnvelopeSchema, envelope), bytes)) return false;
  return !JSON.stringify(envelope, asText).includes('"$unknown"');
}

describe("CommitBroadcaster", () => {
  let world: World;
  before(async () => (world = await deployedWorld()));
  after(() => world.net.close());

  it(`takes nothing that the protocol's own reader does not, and everything that clients write: ${CASES} cases`, async function () {
    this.timeout(60_000 + CASES * 50);
    const counts: Record<string, number> = {};
    for (let first = 0; first < CASES; first += BATCH) {
      const cases = Array.from({ length: Math.min(BATCH, CASES - first) }, (_, i) =>
        makeCase(new Dice(SEED * 1_000_003 + first + i)),
      );
      const groups = cases.map(() => GROUP);
      const ids = await world.commitBroadcaster.addMessages.staticCall(
        groups,
        cases.map(({ bytes }) => bytes),
      );
      for (const [i, { bytes, verdict }] of cases.entries()) {
        const isTaken = ids[i]! > 0n;
        const name = `${verdict}, case ${first + i} of seed ${SEED}: ${toHex(bytes)}`;
        const codec = readsAsOrdered(bytes);
        if (isTaken) expect(codec, name).to.equal(true);
        if (verdict === "taken") expect(isTaken, name).to.equal(true);
        if (verdict === "refused") expect(isTaken, name).to.equal(false);
        if (verdict === "alike" && codec && isPlain(bytes)) expect(isTaken, name).to.equal(true);
        const outcome = `${verdict} ${isTaken ? "taken" : "refused"}${codec && !isTaken ? " by the contract only" : ""}`;
        counts[outcome] = (counts[outcome] ?? 0) + 1;
      }
    }
    // Every kind was there, also what only the contract refuses.
    for (const outcome of [
      "taken taken",
      "refused refused",
      "alike taken",
      "alike refused",
      "noMoreThanCodec refused",
    ]) {
      expect(counts[outcome], JSON.stringify(counts)).to.be.greaterThan(CASES / 100);
    }
    expect(counts["refused refused by the contract only"], JSON.stringify(counts)).to.be.greaterThan(CASES / 100);
  });
});
