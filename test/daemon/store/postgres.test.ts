import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "chai";

import { EMPTY_CHANNEL } from "../../../src/daemon/account.ts";
import type { DaemonStore } from "../../../src/daemon/ports.ts";
import { MeterOvertakenError } from "../../../src/daemon/store/errors.ts";
import { requireTerm } from "../../../src/daemon/store/leadershipTable.ts";
import { openPostgresEngine } from "../../../src/daemon/store/postgresEngine.ts";
import { StoreNotDurableError, StoreUnavailableError } from "../../../src/platform/database/errors.ts";
import { POSTGRES_LIMITS } from "../../../src/platform/database/postgres.ts";
import { inTransaction } from "../../../src/platform/database/transactions.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { TestPostgres } from "../../support/postgres.ts";
import { startPostgres } from "../../support/postgres.ts";
import { DOMAIN } from "../support.ts";
import { BACKENDS, Fixture, failureOf, onBoth } from "./backends.ts";
import { CHANNELS, chargesOf, voucherOf } from "./crashWork.ts";

const shared = BACKENDS.filter(({ isShared }) => isShared);

async function fund({ ledger }: DaemonStore) {
  const states = new Map(CHANNELS.map((channel) => [channel, { ...EMPTY_CHANNEL, deposited: 1n }]));
  await ledger.recordChain({ states, readTo: 1n, blocks: [] });
}

const batchOf = (originatorId: number, after: bigint, upTo: bigint) => ({
  ...{ originatorId, after, upTo, charges: chargesOf(after, upTo), minuteCounts: new Map<bigint, bigint>() },
});

onBoth(
  "store shared by processes",
  (fixture) => {
    it("56: everybody's vouchers meet: the largest stays, whoever writes last", async () => {
      const stores = await Promise.all([1, 2, 3].map(() => fixture.open()));
      await fund(stores[0]!);
      const orders = [[...CHANNELS], [...CHANNELS].reverse(), [...CHANNELS.slice(3), ...CHANNELS.slice(0, 3)]];
      await Promise.all(
        stores.flatMap(({ ledger }, i) =>
          Array.from({ length: 20 }, (_, n) =>
            ledger.raise(orders[i]!.map((channel) => voucherOf(channel, BigInt(((n * 7 + i * 5) % 20) + 1)))),
          ),
        ),
      );
      const accounts = await stores[0]!.ledger.accountsOf(CHANNELS);
      expect([...accounts.values()].map(({ vouchers }) => vouchers!.fees.fees)).to.deep.equal(CHANNELS.map(() => 20n));
    });

    it("meters different logs at once without a deadlock that anybody hears of, each digest once (D2)", async () => {
      const stores = await Promise.all([1, 2, 3, 4].map(() => fixture.open()));
      // All logs have the same messages, as after a replay.
      const work = stores.map(async ({ ledger }, i) => {
        for (let after = 0n; after < 1_000n; after += 50n)
          await ledger.meter(batchOf((i + 1) * 100, after, after + 50n));
      });
      await Promise.all(work);
      const accounts = await stores[0]!.ledger.accounts(undefined, 100);
      expect(accounts.reduce((sum, { usagePico }) => sum + usagePico, 0n)).to.equal(500n * 3n);
    });

    it("53: two daemons that meter one log share the work and double nothing", async () => {
      const stores = await Promise.all([1, 2].map(() => fixture.open()));
      let overtaken = 0;
      const drain = async ({ ledger }: DaemonStore) => {
        for (let after = await ledger.meterCursor(200); after < 1_000n; after = await ledger.meterCursor(200)) {
          await ledger.meter(batchOf(200, after, after + 50n)).catch((error: unknown) => {
            if (!(error instanceof MeterOvertakenError)) throw error;
            overtaken++;
          });
        }
      };
      await Promise.all(stores.map(drain));
      const accounts = await stores[0]!.ledger.accounts(undefined, 100);
      expect(accounts.reduce((sum, { usagePico }) => sum + usagePico, 0n)).to.equal(500n * 3n);
      expect(await stores[0]!.ledger.meterCursor(200)).to.equal(1_000n);
      expect(overtaken, "they did meet").to.be.greaterThan(0);
    });

    it("53: who takes over waits for a write of the old leader that has begun, and not the other way round (D8)", async () => {
      const next = await fixture.open();
      const engine = openPostgresEngine(fixture.place.at, silentLog);
      const old = (await next.leadership.hold("old", 60_000))!;
      await fixture.place.query("update leadership set expires_at = 0");
      const order: string[] = [];
      let takeover: Promise<void> | undefined;
      await inTransaction(engine, async (trx) => {
        await requireTerm(trx, old);
        takeover = next.leadership.hold("new", 60_000).then(() => void order.push("taken over"));
        while ((await waitingForLocks()) === 0) await sleep(5);
        order.push("written");
      });
      await takeover;
      expect(order).to.deep.equal(["written", "taken over"]);
      await engine.close();
    });

    it("gives up on a statement that does not end, and on a pool that is used up, and goes on", async () => {
      const store = await fixture.open({
        limits: { ...POSTGRES_LIMITS, connections: 2, waiting: 1, statementMs: 200, connectMs: 10_000 },
      });
      await fund(store);
      const engine = openPostgresEngine(fixture.place.at, silentLog);
      await inTransaction(engine, async (trx) => {
        await trx.selectFrom("accounts").select("id").forUpdate().execute();
        const raise = (fees: bigint) => failureOf(store.ledger.raise([voucherOf(CHANNELS[0]!, fees)]));
        const errors = await Promise.all([1n, 2n, 3n, 4n].map(raise));
        for (const error of errors) expect(error).to.be.instanceOf(StoreUnavailableError);
        const problems = errors.map(({ message }) => message).join();
        expect(problems).to.include("57014").and.include("too many calls wait");
      });
      await engine.close();
      await store.ledger.raise([voucherOf(CHANNELS[0]!, 5n)]);
      expect((await store.ledger.account(CHANNELS[0]!))!.vouchers!.fees.fees).to.equal(5n);
    });

    async function waitingForLocks(): Promise<number> {
      const rows = await fixture.place.query(
        "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      );
      return rows.length;
    }
  },
  shared,
);

describe("store on a PostgreSQL that goes away", () => {
  let cluster: TestPostgres;
  const fixture = new Fixture();

  beforeEach(async function () {
    const started = await startPostgres();
    if (!started) return this.skip();
    cluster = started;
    const at = await cluster.create();
    fixture.place = { at, query: (text) => cluster.query("test_0", text) };
  });
  afterEach(async () => {
    await fixture.closeAll();
    await cluster?.remove();
  });

  it("54: acknowledges nothing while it is away, keeps what it had acknowledged, and goes on when it is back", async () => {
    const store = await fixture.open();
    const { ledger, intents, leadership, evidence } = store;
    await fund(store);
    await ledger.meter(batchOf(200, 0n, 50n));
    await ledger.raise([voucherOf(CHANNELS[0]!, 1n)]);
    const term = (await leadership.hold("a", 600_000))!;
    const inFlight = Array.from({ length: 20 }, (_, i) => ledger.raise([voucherOf(CHANNELS[1]!, BigInt(i + 1))]));
    const settled = Promise.allSettled(inFlight);
    await cluster.stop();
    const acknowledged = (await settled).findLastIndex(({ status }) => status === "fulfilled") + 1;
    for (let round = 0; round < 3; round++) {
      for (const call of [
        () => ledger.raise([voucherOf(CHANNELS[0]!, 9n)]),
        () => ledger.meter(batchOf(200, 50n, 100n)),
        () => ledger.account(CHANNELS[0]!),
        () => leadership.hold("a", 1_000),
        () => intents.open(CHANNELS[0]!),
        () => evidence.openCount(100),
      ]) {
        expect(await failureOf(call())).to.be.instanceOf(StoreUnavailableError);
      }
    }
    await cluster.start();
    const account = (await ledger.account(CHANNELS[0]!))!;
    expect(account.vouchers!.fees.fees).to.equal(1n);
    const other = (await ledger.account(CHANNELS[1]!))!.vouchers?.fees.fees ?? 0n;
    expect(other >= BigInt(acknowledged), `${acknowledged} was acknowledged, ${other} is there`).to.equal(true);
    await ledger.raise([voucherOf(CHANNELS[0]!, 9n)]);
    expect(await ledger.meter(batchOf(200, 50n, 100n))).to.have.length(25);
    expect(await leadership.hold("a", 1_000)).to.equal(term);
    expect((await ledger.account(CHANNELS[0]!))!.vouchers!.fees.fees).to.equal(9n);
  });

  it("does not take up again with a server that came back without fsync", async () => {
    const { ledger } = await fixture.open({ domain: DOMAIN });
    await cluster.stop();
    await cluster.start({ fsync: "off" });
    // The first call may meet the connection that broke.
    await ledger.chainCursor().catch(() => {});
    const error = await failureOf(ledger.chainCursor());
    expect(error).to.be.instanceOf(StoreNotDurableError);
    expect(error.message).to.include("fsync = on");
  });
}).timeout(180_000);
