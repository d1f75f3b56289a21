/** Envelopes: what a client sends, what a payer pays for, what a node signs. */
import assert from "node:assert/strict";

import {
  COMMIT_ORIGINATOR,
  FIRST_NODE_ID,
  IDENTITY_ORIGINATOR,
  PAYLOAD_LENGTH,
  TopicKind,
  addressOf,
  canonicalPayerEnvelopeSize,
  chainOriginatorEnvelope,
  destinationOf,
  encodePayerEnvelope,
  encodeUnsignedOriginatorEnvelope,
  equalBytes,
  fromHex,
  isCanonicalPayerEnvelope,
  isNodeOnly,
  isTopicKind,
  originatorDigest,
  parseTopic,
  payerDigest,
  payerEnvelopeHash,
  readClientEnvelope,
  readOriginatorEnvelope,
  readPayerEnvelope,
  readPayerFields,
  recoverOriginator,
  signOriginatorEnvelope,
  signPayerEnvelope,
  stableOrder,
  toHex,
  topicBytes,
  unpublishable,
} from "pennyblack/protocol";

// A real client's envelope, as it reaches a gateway.
const clientEnvelope = fromHex(
  "0x0a1b121100abababababababababababababababab1a060a040800100712510a4f0a290001000210abababababababababababababababab0000000000000001010004deadbeef04cafebabe122001010101010101010101010101010101010101010101010101010101010101011801",
);
const client = readClientEnvelope(clientEnvelope);
assert.equal(client.topic.kind, TopicKind.groupMessage);
assert.equal(destinationOf(client), "node"); // and not the chain, where commits and identity updates go
assert.equal(isNodeOnly(client.topic.kind), false);
assert.deepEqual(parseTopic(topicBytes(client.topic.kind, client.topic.identifier)), client.topic);
assert.equal(isTopicKind(9), false);

// The node that gets it follows from the topic; the others are there to fail over to.
const [target] = stableOrder(client.topicBytes, [300, 100, 200]);

// Signed by the payer for that node and no other.
const postageKey = new Uint8Array(32).fill(7);
const fields = { unsignedClientEnvelope: clientEnvelope, targetOriginator: target!, retentionDays: 60 };
const bytes = signPayerEnvelope(fields, postageKey);
const read = readPayerEnvelope(bytes);
assert.equal(read.payer, addressOf(postageKey));
assert.equal(unpublishable(read), undefined); // nothing speaks against it
assert.equal(isCanonicalPayerEnvelope(read), true); // fees are of these bytes; a gate takes no others
assert.equal(read.canonicalSize, canonicalPayerEnvelopeSize(fields));
assert.deepEqual(read.digest, payerDigest(target!, clientEnvelope));
assert.ok(equalBytes(encodePayerEnvelope(readPayerFields(bytes)), bytes));

// The node numbers, prices and signs it: its answer is the receipt.
const signingKey = new Uint8Array(32).fill(9);
const place = { originatorId: target!, sequenceId: 17n, originatorNs: 1_800_000_000_000_000_000n };
const terms = { baseFeePico: 2_676_100n, congestionFeePico: 0n, expiryAt: 1_805_184_000n };
const receipt = readOriginatorEnvelope(
  signOriginatorEnvelope({ ...place, ...terms, payerEnvelope: bytes }, signingKey),
);
assert.equal(recoverOriginator(receipt), addressOf(signingKey));
assert.equal(originatorDigest(receipt.unsigned).length, 32);
assert.deepEqual(receipt.unsigned, encodeUnsignedOriginatorEnvelope({ ...place, ...terms, payerEnvelope: bytes }));
// Reports name a message by this hash.
assert.match(toHex(payerEnvelopeHash(receipt.payerEnvelope)), /^0x[0-9a-f]{64}$/);

// What the chain sequences comes from originators 0 and 1; its transaction is the proof, and it costs no fee.
const sequenced = chainOriginatorEnvelope(
  { originatorId: COMMIT_ORIGINATOR, sequenceId: 1n, originatorNs: 1n, payerEnvelope: bytes, expiryAt: 0n },
  new Uint8Array(32),
);
assert.equal(readOriginatorEnvelope(sequenced).proof.case, "blockchainProof");
assert.ok(IDENTITY_ORIGINATOR < FIRST_NODE_ID && PAYLOAD_LENGTH.least < PAYLOAD_LENGTH.most);
