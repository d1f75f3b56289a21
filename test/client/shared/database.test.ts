import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "chai";
import type { KyselyPlugin } from "kysely";

import { openGatewayStore } from "../../../src/client/adapters/openStore.ts";
import { GATEWAY_LIMITS, openPostgresStore } from "../../../src/client/adapters/postgres/postgresStore.ts";
import type { GatewayTables } from "../../../src/client/adapters/postgres/tables.ts";
import { postgresTurns } from "../../../src/client/adapters/postgres/turn.ts";
import { isGatewayError } from "../../../src/client/errors.ts";
import type { Attempt } from "../../../src/client/ports.ts";
import {
  StoreNotDurableError,
  StoreUnavailableError,
  StoreVersionError,
} from "../../../src/platform/database/errors.ts";
import { openPostgres } from "../../../src/platform/database/postgres.ts";
import { silentLog } from "../../../src/platform/log.ts";
import { failureOf } from "../../daemon/store/backends.ts";
import { DOMAIN, NODE_ID } from "../../daemon/support.ts";
import { openStore } from "../../../src/daemon/store/openStore.ts";
import { toHex, uintToBytes } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manualClock.ts";
import type { TestPostgres } from "../../support/postgres.ts";
import { startPostgres } from "../../support/postgres.ts";
import { CHANNEL } from "../support/fakeNetwork.ts";
import { StorePlace } from "../support/stores.ts";

const NOTHING = { postagePico: 0n, stampUnits: 0n, gasWei: 0n };

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

  it("goes on with the tables of an older program, and the leases in them", async () => {
    await (await open()).close();
    const query = (text: string) => cluster.query(new URL(url).pathname.slice(1), text);
    await query("alter table gateway_processes drop column token; update gateway_version set version = 2");
    const lease = `('\\x${CHANNEL.slice(2)}', (extract(epoch from clock_timestamp()) * 1000)::bigint + 60000)`;
    await query(`insert into gateway_processes (channel, expires_at) values ${lease}`);
    const place = new StorePlace(url);
    const ledger = await place.ledger();
    await ledger.tend(() => true);
    expect(ledger.processes).to.equal(2);
    await place.remove();
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

  it("reads what others did in pages, all of it and in its order", async () => {
    await (await open()).close();
    const database = openPostgres<GatewayTables>(url, silentLog);
    let mostRows = 0;
    const counting: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        mostRows = Math.max(mostRows, result.rows.length);
        return result;
      },
    };
    const two = postgresTurns({ ...database, kysely: database.kysely.withPlugin(counting) }, "two");
    const one = postgresTurns(database, "one");
    const ask = { process: undefined, leaseMs: 60_000, envelopes: [] };
    const write = (many: number) =>
      one.turn(CHANNEL, { ...ask, known: undefined }, (turn) =>
        turn.commit(
          Array.from({ length: many }, (_, i) => {
            const revision = turn.state.revision + BigInt(i) + 1n;
            const spend = { day: 1, app: "", user: String(revision), kind: "message", count: 1n, ...NOTHING } as const;
            return { channel: CHANNEL, state: { ...turn.state, revision }, spend: [spend] };
          }),
        ),
      );
    const heard = (known: bigint) =>
      two.turn(CHANNEL, { ...ask, known }, async ({ news }) => news?.map(({ spend }) => Number(spend![0]!.user)));
    const from = (first: number, length: number) => Array.from({ length }, (_, i) => first + i);

    await heard(0n);
    await write(1_250);
    expect(await heard(0n)).to.deep.equal(from(1, 1_250));
    await write(1_000);
    expect(await heard(1_250n), "a whole number of pages").to.deep.equal(from(1_251, 1_000));
    expect(mostRows).to.be.at.most(500);
    await write(1_100);
    await cluster.query(new URL(url).pathname.slice(1), "delete from gateway_steps where revision = 3000");
    expect(await heard(2_250n), "one is missing in a later page").to.equal(undefined);
    await database.close();
  });

  it("tells nobody of a reservation whose turn the server could not end, because another one's budget was not read", async () => {
    const place = new StorePlace(url);
    const store = await openPostgresStore(url, silentLog, { ...GATEWAY_LIMITS, statementMs: 500 });
    const ledger = await place.ledger({ store, budgets: { user: { postage: 100n } } });
    const terms = () => ({ backed: 1_000n, headroom: 0n });
    const of = (n: number, user: string): Attempt => ({
      ...{ envelopeHash: toHex(uintToBytes(BigInt(n), 32)), originatorId: 100, spender: { app: "", user } },
      ...{ topic: Uint8Array.of(n), payerEnvelope: Uint8Array.of(n), startedAt: n },
      ...{ reservedPico: 5_000_000n, reservedWei: 0n },
    });
    // From here on what alice has spent is known, and what bob has is not.
    await ledger.reserve([of(1, "alice")], terms);
    const locked = place.query("begin; lock table gateway_spend in access exclusive mode; select pg_sleep(2); commit");
    await sleep(500);
    const both = [of(2, "alice"), of(3, "bob")];
    const results = await Promise.allSettled(both.map((attempt) => ledger.reserve([attempt], terms)));
    for (const [i, result] of results.entries()) {
      const error: unknown = result.status === "rejected" ? result.reason : "reserved";
      expect(isGatewayError(error, "store_unavailable"), `${both[i]!.spender.user}: ${String(error)}`).to.equal(true);
    }
    await locked;
    for (const attempt of both) await ledger.reserve([attempt], terms);
    expect(await store.loadAttempts(CHANNEL)).to.have.length(3);
    expect((await store.loadChannel(CHANNEL))?.voucherRow).to.deep.equal(ledger.voucherRow);
    await store.close();
    await place.remove();
  }).timeout(60_000);
});
