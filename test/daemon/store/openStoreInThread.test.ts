import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import type { ReportContents } from "../../../src/daemon/reports/ports.ts";
import { UsageLeaves } from "../../../src/daemon/reports/usageLeaves.ts";
import { LedgerDomainError, LedgerInUseError } from "../../../src/daemon/store/errors.ts";
import { openStoreInThread } from "../../../src/daemon/store/openStoreInThread.ts";
import type { NewIntent } from "../../../src/daemon/transactions/ports.ts";
import { StaleTermError } from "../../../src/daemon/transactions/ports.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { NO_PARENT } from "../../../src/protocol/report/report.ts";
import { DOMAIN, NODE_ID } from "../support.ts";
import { failureOf } from "./backends.ts";

const ACCOUNT = `0x${"a1".repeat(20)}` as const;

// What a thread may lose on the way; that it is a store is held by the suites of `onBoth`.
describe("store/openStoreInThread", () => {
  let directory: string;
  const open = (changes: Partial<Parameters<typeof openStoreInThread>[0]> = {}) =>
    openStoreInThread({ at: join(directory, "ledger.sqlite"), domain: DOMAIN, nodeId: NODE_ID, ...changes }, silentLog);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "pennyblack-thread-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("rejects with the errors that callers tell apart, and leaves no lock behind", async () => {
    const store = await open();
    expect(await failureOf(open())).to.be.instanceOf(LedgerInUseError);
    const report: NewIntent = {
      ...{ lane: "routine", kind: "report", from: ACCOUNT, nonce: 1, to: ACCOUNT, data: "0x", gasLimit: 1n },
      ...{ budgetWei: 1n, createdAt: 0 },
    };
    const stale = await failureOf(store.intents.begin(report, 7n));
    expect(stale).to.be.instanceOf(StaleTermError);
    expect((stale as StaleTermError).term).to.equal(7n);
    await store.close();
    const domain = { ...DOMAIN, chainId: 1n };
    expect(await failureOf(open({ domain }))).to.be.instanceOf(LedgerDomainError);
    await (await open()).close();
  });

  it("gives a report back as it was put, with leaves that can be searched", async () => {
    const store = await open();
    const [digest, none] = [toHex(uintToBytes(1n, 32)), toHex(new Uint8Array(32))];
    const roots = { logsRoot: none, usageRoot: none, stampChargesRoot: none, stampPayoutsRoot: none, debitsHash: none };
    const leaf = new Uint8Array([...uintToBytes(5n, 20), ...uintToBytes(2n ** 70n, 16), ...uintToBytes(9n, 8)]);
    const contents: ReportContents = {
      report: { shard: 0, epoch: 7n, round: 0, parent: NO_PARENT, registryVersion: 1n, ...roots, absentSeats: 0n },
      usage: new UsageLeaves(leaf),
      ...{ ranges: [], debits: [] },
    };
    await store.reports.put(digest, contents, 1);
    const found = (await store.reports.get(digest))!;
    expect(found).to.deep.equal(contents);
    expect(found.usage.find(toHex(uintToBytes(5n, 20)))?.usagePico).to.equal(2n ** 70n);
    expect(await store.reports.get(none)).to.equal(undefined);
    await store.close();
  });
});
