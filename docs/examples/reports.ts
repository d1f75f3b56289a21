/** Reports: what the nodes agree on, and how one of their leaves is proved to somebody who has the root alone. */
import assert from "node:assert/strict";

import {
  DEBIT_CAP_AMOUNT,
  NO_PARENT,
  REPORT_DST,
  TreeBuilder,
  TreeTag,
  aggregateAttestations,
  aggregatePublicKeys,
  attest,
  attestationKeyFrom,
  attestationPublicKey,
  boundedDebits,
  chargeFields,
  chargesTree,
  debitAmountOf,
  debitsHash,
  emptyRoot,
  isAttestation,
  isRangeOf,
  keccak256,
  leafHash,
  logEntryFields,
  logRangeFields,
  logsTree,
  mostSeatsHit,
  nodeHash,
  packDebits,
  payoutFields,
  payoutsTree,
  proveEntry,
  proveLeaf,
  rangeTree,
  readEntryProof,
  reportDigest,
  reportFromJson,
  reportToJson,
  rollCallDigest,
  rootHash,
  rootOfProof,
  sharesOfUnpaid,
  toAddress,
  toHex,
  unpackDebits,
  unpaidPicoOf,
  usageFields,
  usageTree,
  utf8ToBytes,
} from "pennyblack/protocol";

const hashOf = (text: string) => toHex(keccak256(utf8ToBytes(text)));
const channel = toAddress("0x00000000000000000000000000000000000000c1");
const account = toAddress("0x00000000000000000000000000000000000000a1");

// What one node carried: each envelope by its number and hash.
const entries = [3n, 4n, 9n].map((sequenceId) => ({ sequenceId, payerEnvelopeHash: hashOf(`message ${sequenceId}`) }));
const log = rangeTree(entries);
const range = {
  ...{ originatorId: 100, firstSequenceId: 1n, lastSequenceId: 9n, firstMinute: 30_000_000, lastMinute: 30_000_005 },
  ...{ count: BigInt(entries.length), root: log.root },
};
const logs = logsTree([range]);

// A receipt for number 4 is proved with two proofs: its place in the range, and the range's in the report.
const proof = proveEntry(log, entries, 4n);
assert.deepEqual(readEntryProof(range, 4n, proof), {
  kind: "present",
  payerEnvelopeHash: entries[1]!.payerEnvelopeHash,
});
assert.equal(isRangeOf(logs.root, { range, proof: proveLeaf(logs, 0) }), true);
// And one for number 5 is contradicted.
assert.deepEqual(readEntryProof(range, 5n, proveEntry(log, entries, 5n)), { kind: "absent" });

// What channels used, what is charged for stamps and paid out for spam.
const usage = usageTree([{ channel, usagePico: 5_000_000_000n, authorisedAmount: 4_000n }]);
const charges = chargesTree([{ channel, cumulativeAmount: 50_000n }]);
const payouts = payoutsTree([{ account, amount: 25_000n }]);
const leaf = { channel, usagePico: 5_000_000_000n, authorisedAmount: 4_000n };
assert.equal(rootOfProof(TreeTag.usage, usageFields(leaf), proveLeaf(usage, 0)), usage.root);
for (const [tag, fields, tree] of [
  [TreeTag.charges, chargeFields({ channel, cumulativeAmount: 50_000n }), charges],
  [TreeTag.payouts, payoutFields({ account, amount: 25_000n }), payouts],
  [TreeTag.logs, logRangeFields(range), logs],
  [TreeTag.range, logEntryFields(entries[0]!), log],
] as const) {
  assert.equal(rootOfProof(tag, fields, proveLeaf(tree, 0)), tree.root);
}
assert.notEqual(emptyRoot(TreeTag.usage), emptyRoot(TreeTag.charges));

// A tree of one leaf by hand, as a contract makes it.
const builder = new TreeBuilder(TreeTag.usage);
builder.add(BigInt(channel), usageFields(leaf));
const built = builder.build();
const top = leafHash(TreeTag.usage, 0, usageFields(leaf));
assert.equal(built.root, toHex(rootHash(TreeTag.usage, 1, built.total, top)));
assert.equal(nodeHash(top, top).length, 32);

// Who let traffic in that nobody paid: 2 USD used above what was authorised, three quarters of it by node 100.
const unpaid = unpaidPicoOf(12_000_000_000_000n, 10_000_000n);
const shares = sharesOfUnpaid({
  ...{ channel, unpaidPico: unpaid, unpaidPicoAtParent: 0n },
  originatedPico: new Map([
    [100, 9_000_000_000_000n],
    [200, 3_000_000_000_000n],
  ]),
});
const debits = [...shares]
  .map(([nodeId, pico]) => ({ nodeId, amount: debitAmountOf(pico, 9_000_000_000_000n) }))
  .filter(({ amount }) => amount > 0n);
const bounded = boundedDebits(debits, mostSeatsHit(20));
assert.ok(bounded.every(({ amount }) => amount <= DEBIT_CAP_AMOUNT));
assert.deepEqual(unpackDebits(packDebits(bounded)), bounded);

// The report, and what seats sign of it.
const domain = { chainId: 84532n, epochReports: toAddress("0x00000000000000000000000000000000000000ee") };
const report = {
  ...{ shard: 0, epoch: 41_574n, round: 0, parent: NO_PARENT, registryVersion: 1n, absentSeats: 0n },
  ...{ logsRoot: logs.root, usageRoot: usage.root, debitsHash: debitsHash(bounded) },
  ...{ stampChargesRoot: charges.root, stampPayoutsRoot: payouts.root },
};
const digest = reportDigest(domain, report);
assert.deepEqual(reportFromJson(reportToJson(report)), report);
const keys = [1, 2, 3].map((seed) => attestationKeyFrom(new Uint8Array(48).fill(seed)));
const signature = aggregateAttestations(keys.map((key) => attest(digest, key)));
assert.equal(isAttestation(digest, aggregatePublicKeys(keys.map(attestationPublicKey)), signature), true);
assert.notDeepEqual(rollCallDigest(domain, 1n), digest);
assert.match(REPORT_DST, /BLS12381G1/);
