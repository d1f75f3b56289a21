import { expect } from "chai";
import { TypedDataEncoder } from "ethers";

import { toHex } from "../../../src/protocol/bytes.ts";
import type { Address, Hex } from "../../../src/protocol/bytes.ts";
import { addressOf } from "../../../src/protocol/ecdsa.ts";
import {
  MOST_PER_HEADER,
  SENDER_HEADER,
  WAIVER_HEADER,
  listFromHeader,
  listToHeader,
} from "../../../src/protocol/stamps/headers.ts";
import {
  SENDER_TAG_LENGTH,
  readSenderTag,
  senderTag,
  senderTagDigest,
  signSenderTag,
} from "../../../src/protocol/stamps/senderTag.ts";
import { expectCode } from "./support.ts";

const KEY = new Uint8Array(32).fill(0x11);
const SECRET = new Uint8Array(32).fill(0x5e);
const DOMAIN = { chainId: 31337n, postageChannels: "0x00000000000000000000000000000000000000aa" as Address };
const SENDER: Hex = `0x${"01".repeat(32)}`;
const RECIPIENT: Hex = `0x${"02".repeat(32)}`;
const DIGEST = new Uint8Array(32).fill(0xd1);
const TAG = senderTag(SECRET, SENDER, RECIPIENT);
const CLAIM = { payer: addressOf(KEY), payerDigest: DIGEST };

describe("protocol/stamps/senderTag", () => {
  it("has the known tag, another one for every recipient, sender and secret", () => {
    expect(TAG).to.equal("0xfb3900eab9783f0f3f9406827dfa4fa5945f570ad576b66511bc03407a7cc4e7");
    const others = [
      senderTag(SECRET, RECIPIENT, SENDER),
      senderTag(SECRET, SENDER, SENDER),
      senderTag(new Uint8Array(32).fill(1), SENDER, RECIPIENT),
    ];
    expect(new Set([TAG, ...others]).size).to.equal(4);
    expect(() => senderTag(new Uint8Array(31), SENDER, RECIPIENT)).to.throw(RangeError);
  });

  it("hashes like ethers", () => {
    const types = {
      SenderTag: [
        { name: "tag", type: "bytes32" },
        { name: "payerDigest", type: "bytes32" },
      ],
    };
    const domain = {
      ...{ name: "Pennyblack Postage", version: "1", chainId: DOMAIN.chainId },
      verifyingContract: DOMAIN.postageChannels,
    };
    const expected = TypedDataEncoder.hash(domain, types, { tag: TAG, payerDigest: toHex(DIGEST) });
    expect(toHex(senderTagDigest(DOMAIN, TAG, DIGEST))).to.equal(expected);
  });

  it("is taken from the payer, for its envelope and network, and from nobody else", () => {
    const packed = signSenderTag(DOMAIN, TAG, DIGEST, KEY);
    expect(packed.length).to.equal(SENDER_TAG_LENGTH);
    expect(readSenderTag(DOMAIN, packed, CLAIM)).to.equal(TAG);
    const otherEnvelope = { ...CLAIM, payerDigest: new Uint8Array(32).fill(0xd2) };
    // The same first half: what names the envelope is not what is signed.
    const sameStart = { ...CLAIM, payerDigest: DIGEST.map((byte, i) => (i < 16 ? byte : 0)) };
    const otherPayer = { ...CLAIM, payer: addressOf(new Uint8Array(32).fill(2)) };
    for (const claim of [otherEnvelope, sameStart, otherPayer]) {
      expectCode(() => readSenderTag(DOMAIN, packed, claim), "bad_signature");
    }
    expectCode(() => readSenderTag({ ...DOMAIN, chainId: 1n }, packed, CLAIM), "bad_signature");
    for (let bit = 0; bit < packed.length * 8; bit += 7) {
      const changed = packed.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expectCode(() => readSenderTag(DOMAIN, changed, CLAIM), "bad_signature");
    }
    expectCode(() => readSenderTag(DOMAIN, packed.subarray(1), CLAIM), "malformed_tag");
  });
});

describe("protocol/stamps/headers", () => {
  it("carries a list, bounded and in one form", () => {
    const parts = [Uint8Array.of(1, 2, 3), Uint8Array.of(255)];
    expect(listFromHeader(WAIVER_HEADER, listToHeader(parts))).to.deep.equal(parts);
    expect(listFromHeader(WAIVER_HEADER, "AQID, _w")).to.deep.equal(parts);
    expect(listFromHeader(SENDER_HEADER, null)).to.deep.equal([]);
    const bad = ["", "AQID,", "AQ==", "AR", "A+", "AQID;AQID", "A".repeat(1_000)];
    bad.push(Array.from({ length: MOST_PER_HEADER + 1 }, () => "AQID").join(","));
    for (const header of bad) expectCode(() => listFromHeader(SENDER_HEADER, header), "malformed_header");
  });
});
