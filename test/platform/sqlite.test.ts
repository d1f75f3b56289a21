import { mkdtempSync, rmSync } from "node:fs";
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

  it("writes what others see at once, and flushes it later, once for all that came meanwhile", async () => {
    const path = join(directory, "a.sqlite");
    const database = openSqlite(path, ["create table t (x integer)"]);
    const insert = database.prepare("insert into t values (?)");
    const late = new LateFlush(database, path);
    const reader = openSqliteReader(path);
    const count = () => reader.prepare<[], { n: bigint }>("select count(*) n from t").get()!.n;
    await late.flush();
    late.write(() => void insert.run(1n));
    expect(count()).to.equal(1n);
    expect(database.pragma("synchronous", { simple: true }), "the next commit is flushed by itself").to.equal(2n);
    const first = late.flush();
    late.write(() => void insert.run(2n));
    const [second, third] = [late.flush(), late.flush()];
    expect(second, "neither is covered by the flush under way").to.equal(third).and.not.equal(first);
    await Promise.all([first, second]);
    expect(() =>
      late.write(() => {
        throw new RangeError("no");
      }),
    ).to.throw(RangeError);
    expect(database.pragma("synchronous", { simple: true })).to.equal(2n);
    await late.close();
    reader.close();
    database.close();
  });

  it("says that a flush failed, and tries again with the next", async () => {
    const database = openSqlite(join(directory, "a.sqlite"), ["create table t (x integer)"]);
    const late = new LateFlush(database, join(directory, "another.sqlite"));
    late.write(() => void database.prepare("insert into t values (1)").run());
    for (let i = 0; i < 2; i++) {
      const error = await late.flush().catch((reason: unknown) => reason);
      expect(error).to.have.property("code", "ENOENT");
    }
    await late.close();
    database.close();
  });
});
