import { expect } from "chai";

import { openGatewayStore } from "../../../src/client/adapters/openStore.ts";
import { openPostgresStore } from "../../../src/client/adapters/postgres/postgresStore.ts";
import { isGatewayError } from "../../../src/client/errors.ts";
import {
  StoreNotDurableError,
  StoreUnavailableError,
  StoreVersionError,
} from "../../../src/platform/database/errors.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { failureOf } from "../../daemon/store/backends.ts";
import { DOMAIN, NODE_ID } from "../../daemon/support.ts";
import { openStore } from "../../../src/daemon/store/openStore.ts";
import { ManualClock } from "../../support/manualClock.ts";
import type { TestPostgres } from "../../support/postgres.ts";
import { startPostgres } from "../../support/postgres.ts";
import { CHANNEL } from "../support/fakeNetwork.ts";
import { StorePlace } from "../support/stores.ts";

describe("client/adapters/postgres", () => {
  let cluster: TestPostgres;
  let url: string;
  before(async function () {
    const started = await startPostgres();
    if (!started) return this.skip();
    cluster = started;
  });
  beforeEach(async () => (url = await cluster.create()));

  const open = () => openPostgresStore(url, silentLog);

  it("makes its tables once, however many gateways start at once", async () => {
    const stores = await Promise.all([1, 2, 3, 4].map(open));
    for (const store of stores) await store.close();
  });

  it("refuses a server that would forget what it acknowledged, and says what to set", async () => {
    const name = new URL(url).pathname.slice(1);
    await cluster.query(name, `alter database ${name} set synchronous_commit = off`);
    const error = await failureOf(open());
    expect(error).to.be.instanceOf(StoreNotDurableError);
    expect(error.message).to.include("Set synchronous_commit = on");
  });

  it("refuses tables of a newer program", async () => {
    await (await open()).close();
    await cluster.query(new URL(url).pathname.slice(1), "update gateway_version set version = 99");
    expect(await failureOf(open())).to.be.instanceOf(StoreVersionError);
  });

  it("leaves the tables of a daemon in the same database alone", async () => {
    const daemon = await openStore({
      at: url,
      domain: DOMAIN,
      nodeId: NODE_ID,
      clock: new ManualClock(),
      log: silentLog,
    });
    const store = await open();
    await store.close();
    await (await open()).close();
    expect(await daemon.ledger.accounts(undefined, 1)).to.deep.equal([]);
    await daemon.close();
  });

  it("names the server without the password when it does not answer at the start", async () => {
    const error = await failureOf(openPostgresStore("postgres://user:secret@127.0.0.1:1/ledger", silentLog));
    expect(error).to.be.instanceOf(StoreUnavailableError);
    expect(`${error.message} ${error.stack} ${JSON.stringify(error)}`).not.to.include("secret");
  });

  it("asks for a place to keep the ledger", async () => {
    expect((await failureOf(openGatewayStore({}, silentLog))).message).to.include("dataDirectory, or a databaseUrl");
  });

  it("says of everything that it is worth another try while the server is away, and goes on when it is back", async () => {
    const place = new StorePlace(url);
    const ledger = await place.ledger();
    const store = await place.open();
    await cluster.stop();
    const terms = () => ({ backed: 10n, headroom: 0n });
    for (const failing of [
      () => ledger.catchUp(),
      () => ledger.reserve([], terms),
      () => ledger.tend(() => true),
      () => store.findAnswer(CHANNEL, `0x${"11".repeat(32)}`),
      () => store.spendTotal(CHANNEL, { day: 1 }),
      () => store.lastTopUp(CHANNEL),
      () => store.receiptCount(CHANNEL),
      () => store.loadAttempts(CHANNEL),
    ]) {
      const error = await failureOf(failing());
      expect(isGatewayError(error, "store_unavailable") && error.retryable, String(error)).to.equal(true);
    }
    expect(ledger.problem).to.include("could not be written");
    await cluster.start();
    await ledger.tend(() => true);
    expect(ledger.problem).to.equal(undefined);
    await place.remove();
  }).timeout(60_000);
});
