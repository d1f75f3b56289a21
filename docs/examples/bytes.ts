/** Bytes, keys and signatures, as everything else here uses them. */
import assert from "node:assert/strict";

import {
  POSSESSION_DST,
  ProtocolError,
  addressOf,
  attestationKeyFrom,
  bytesToUint,
  compareBytes,
  concatBytes,
  fromBase64Url,
  fromHex,
  hasLowS,
  proveAttestationKey,
  proveSigningKey,
  publicKeyOf,
  publicKeyToAddress,
  readPayerEnvelope,
  recoverAddress,
  signDigest,
  toAddress,
  toBase64Url,
  toHex,
  uintToBytes,
  withLowS,
} from "pennyblack/protocol";

const key = new Uint8Array(32).fill(7);
const owner = addressOf(key);
assert.equal(publicKeyToAddress(publicKeyOf(key)), owner);
assert.equal(toAddress(owner.toUpperCase().replace("0X", "0x")), owner); // lower case, and it is one

const digest = new Uint8Array(32).fill(1);
const signature = signDigest(digest, key);
assert.equal(recoverAddress(digest, signature), owner);
assert.ok(hasLowS(signature));
assert.deepEqual(withLowS(signature), signature);

assert.equal(bytesToUint(uintToBytes(1_000n, 8)), 1_000n);
assert.deepEqual(fromHex("0x0102"), concatBytes(Uint8Array.of(1), Uint8Array.of(2)));
assert.deepEqual(fromBase64Url(toBase64Url(fromHex("0xfffe"))), fromHex("0xfffe"));
assert.ok(compareBytes(fromHex("0x01"), fromHex("0x02")) < 0);

// A node shows that it has its keys, for one owner on one registry.
const nodes = { chainId: 84532n, nodeRegistry: toAddress("0x00000000000000000000000000000000000000bb") };
assert.equal(proveSigningKey(nodes, owner, key).proof.length, 65);
const attestationKey = attestationKeyFrom(new Uint8Array(48).fill(3));
assert.ok(proveAttestationKey(nodes, owner, attestationKey).proof.length > 0 && POSSESSION_DST.length > 0);

// What cannot be read is a ProtocolError with a code.
assert.throws(
  () => readPayerEnvelope(Uint8Array.of(1, 2, 3)),
  (error: unknown) => error instanceof ProtocolError && error.code === "malformed_envelope" && toHex(key).length === 66,
);
