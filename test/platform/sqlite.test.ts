import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { openSqlite, SqliteVersionError } from "../../src/platform/sqlite.ts";

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
});
