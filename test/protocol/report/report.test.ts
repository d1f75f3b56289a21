import { expect } from "chai";
import { TypedDataEncoder } from "ethers";
import fc from "fast-check";

import type { Hex } from "../../../src/protocol/bytes.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import type { Report } from "../../../src/protocol/report/report.ts";
import { reportDigest, rollCallDigest } from "../../../src/protocol/report/report.ts";

const TYPES = {
  Report: [
    { name: "shard", type: "uint32" },
    { name: "epoch", type: "uint64" },
    { name: "round", type: "uint32" },
    { name: "parent", type: "bytes32" },
    { name: "registryVersion", type: "uint64" },
    { name: "logsRoot", type: "bytes32" },
    { name: "usageRoot", type: "bytes32" },
    { name: "stampChargesRoot", type: "bytes32" },
    { name: "stampPayoutsRoot", type: "bytes32" },
    { name: "debitsHash", type: "bytes32" },
    { name: "absentSeats", type: "uint128" },
  ],
};
const hex = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map(toHex);
const uint = (bits: bigint) => fc.bigInt({ min: 0n, max: 2n ** bits - 1n });
const domains = fc.record({ chainId: uint(64n), epochReports: hex(20) });
const small = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const reports: fc.Arbitrary<Report> = fc.record({
  shard: small,
  epoch: uint(64n),
  round: small,
  parent: hex(32),
  registryVersion: uint(64n),
  logsRoot: hex(32),
  usageRoot: hex(32),
  stampChargesRoot: hex(32),
  stampPayoutsRoot: hex(32),
  debitsHash: hex(32),
  absentSeats: uint(128n),
});
const ethersDomain = ({ chainId, epochReports }: { chainId: bigint; epochReports: Hex }) => ({
  name: "Pennyblack Reports",
  version: "1",
  chainId,
  verifyingContract: epochReports,
});

describe("protocol/report/report", () => {
  it("reportDigest hashes like ethers on random domains and reports", () => {
    const property = fc.property(domains, reports, (domain, report) => {
      expect(toHex(reportDigest(domain, report))).to.equal(TypedDataEncoder.hash(ethersDomain(domain), TYPES, report));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("rollCallDigest hashes like ethers, and no roll call is a report", () => {
    const types = { RollCall: [{ name: "number", type: "uint64" }] };
    const property = fc.property(domains, uint(64n), (domain, number) => {
      const digest = TypedDataEncoder.hash(ethersDomain(domain), types, { number });
      expect(toHex(rollCallDigest(domain, number))).to.equal(digest);
    });
    fc.assert(property, { numRuns: 50 });
  });

  it("refuses fields that do not fit", () => {
    const epochReports: Hex = `0x${"11".repeat(20)}`;
    const domain = { chainId: 1n, epochReports };
    const [report] = fc.sample(reports, 1);
    const bad: Partial<Report>[] = [
      { shard: 2 ** 32 },
      { round: -1 },
      { epoch: 2n ** 64n },
      { registryVersion: -1n },
      { absentSeats: 2n ** 128n },
      { parent: "0x00" },
      { debitsHash: `0x${"00".repeat(33)}` },
    ];
    for (const field of bad) expect(() => reportDigest(domain, { ...report!, ...field })).to.throw(RangeError);
  });
});
