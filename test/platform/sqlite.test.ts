import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { LateFlush, SqliteVersionError, openSqlite, openSqliteReader } from "../../src/platform/sqlite.ts";

describe("platform/sqlite", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "pennyblack-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it("migrates once, keeps what is there, and refuses a file from the future", () => {
    const path = join(directory, "deep", "a.sqlite");
    const first = openSqlite(path, ["create table t (x integer)"]);
    first.prepare("insert into t values (?)").run(2n ** 62n);
    first.close();
    const second = openSqlite(path, ["create table t (x integer)", "alter table t add y text"]);
    expect(second.prepare("select x, y from t").get()).to.deep.equal({ x: 2n ** 62n, y: null });
    expect(second.pragma("synchronous", { simple: true })).to.equal(2n);
    second.close();
    expect(() => openSqlite(path, ["create table t (x integer)"])).to.throw(SqliteVersionError, "has version 2");
  });

  it("leaves nothing of a migration that fails", () => {
    const path = join(directory, "b.sqlite");
    expect(() => openSqlite(path, ["create table t (x integer); insert into missing values (1)"])).to.throw("missing");
    openSqlite(path, ["create table t (x integer)"]).close();
  });

  it("writes what others see at once, and flushes it by a commit of its own, once for all that came meanwhile", () => {
    const path = join(directory, "a.sqlite");
    const database = openSqlite(path, ["create table t (x integer)"]);
    const insert = database.prepare("insert into t values (?)");
    const late = new LateFlush(database);
    const reader = openSqliteReader(path);
    const count = () => reader.prepare<[], { n: bigint }>("select count(*) n from t").get()!.n;
    const changes = () => Number(reader.pragma("data_version", { simple: true }));
    late.flush();
    late.write(() => void insert.run(1n));
    late.write(() => void insert.run(2n));
    expect(count()).to.equal(2n);
    expect(database.pragma("synchronous", { simple: true }), "the next commit is flushed by itself").to.equal(2n);
    const before = changes();
    late.flush();
    const after = changes();
    expect(after, "another commit, which SQLite flushes").to.be.greaterThan(before);
    late.flush();
    expect(changes(), "nothing is left to flush").to.equal(after);
    expect(() =>
      late.write(() => {
        throw new RangeError("no");
      }),
    ).to.throw(RangeError);
    expect(database.pragma("synchronous", { simple: true })).to.equal(2n);
    expect(database.pragma("user_version", { simple: true })).to.equal(1n);
    reader.close();
    database.close();
  });

  it("flushes what an earlier process may have left unflushed", () => {
    const path = join(directory, "a.sqlite");
    openSqlite(path, ["create table t (x integer)"]).close();
    const database = openSqlite(path, ["create table t (x integer)"]);
    const reader = openSqliteReader(path);
    const before = Number(reader.pragma("data_version", { simple: true }));
    new LateFlush(database).flush();
    expect(Number(reader.pragma("data_version", { simple: true }))).to.be.greaterThan(before);
    reader.close();
    database.close();
  });

  it("says that a flush failed, and copies everything before it believes the next one", () => {
    const path = join(directory, "a.sqlite");
    const database = openSqlite(path, ["create table t (x integer)"]);
    const late = new LateFlush(database);
    late.write(() => void database.prepare("insert into t values (1)").run());
    const writer = openSqlite(path, ["create table t (x integer)"]);
    database.pragma("busy_timeout = 0");
    writer.exec("begin immediate");
    expect(() => late.flush()).to.throw("locked");
    writer.exec("rollback");
    expect(statSync(`${path}-wal`).size).to.be.greaterThan(0);
    writer.close();
    late.flush();
    late.flush();
    // The copy has emptied the log; the flush after it wrote one page.
    expect(statSync(`${path}-wal`).size).to.be.lessThan(8_192);
    database.close();
  });
});
