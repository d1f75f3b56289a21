import { expect } from "chai";

import { silentLog } from "../../../src/platform/log.ts";
import { SqliteError } from "../../../src/platform/sqlite.ts";
import { StoreThreadError, openInThread } from "../../../src/platform/storeThread/storeThread.ts";
import type { TestStore } from "./module.ts";
import { AmountError, SmallAmountError } from "./module.ts";

const module = new URL("./module.ts", import.meta.url).href;

async function errorOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}

describe("platform/storeThread", () => {
  const logged: { level: string; fields: object; message: string }[] = [];
  const note = (level: string) => (fields: object, message: string) => void logged.push({ level, fields, message });
  const log = { ...silentLog, warn: note("warn"), error: note("error") };
  const openStore = (data: object = {}) =>
    openInThread<TestStore>({ name: "the test's store", module, data, log, errors: [AmountError, SmallAmountError] });
  let store: TestStore;
  beforeEach(async () => {
    logged.length = 0;
    store = await openStore();
  });
  afterEach(() => store.close().catch(() => {}));

  it("looks as the store does: values, parts of classes, and data of every kind both ways", async () => {
    expect(store.isShared).to.equal(false);
    const value = {
      a: 2n ** 80n,
      b: new Map([["x", new Set([1n])]]),
      c: [Uint8Array.of(1, 2), undefined, null],
      d: "",
    };
    expect(await store.echo(value)).to.deep.equal(value);
    expect(await store.echo(undefined)).to.equal(undefined);
    expect(await store.part.note("one", 0)).to.deep.equal(["one"]);
  });

  it("begins calls in their order, and does not wait for one before it begins the next", async () => {
    const [first, second] = await Promise.all([store.part.note("first", 30), store.part.note("second", 0)]);
    expect(second).to.deep.equal(["first", "second"]);
    expect(first).to.deep.equal(["first", "second"]);
  });

  it("carries the bytes of a view and not the buffer around it, there and back", async () => {
    expect(await store.bufferBytes(new Uint8Array(1_000_000).subarray(100, 132))).to.equal(32);
    expect((await store.part8()).buffer.byteLength).to.equal(8);
  });

  it("brings errors with class, code, fields, cause and stack", async () => {
    const error = await errorOf(store.fail("small"));
    expect(error).to.be.instanceOf(SmallAmountError).and.instanceOf(AmountError);
    expect(error).to.include({ name: "AmountError", code: "short", amount: 2n ** 70n });
    expect(error.message, "as it was made, once").to.equal("short of money: again");
    expect(error.stack).to.contain("module.ts");
    expect(error.cause).to.include({ name: "RangeError", message: "too little" });
    const full = await errorOf(store.fail("sqlite"));
    expect(full).to.be.instanceOf(SqliteError).and.include({ code: "SQLITE_FULL", message: "disk is full" });
    const odd = await errorOf(store.fail("unknown"));
    expect(odd).to.be.instanceOf(Error).and.include({ name: "OddError", message: "odd", hint: "look here" });
    expect((await errorOf(store.fail("text"))).message).to.equal("words");
    expect((await errorOf(store.function())).name, "no plain data").to.equal("DataCloneError");
    expect((await errorOf(store.echo(() => {}))).name).to.equal("DataCloneError");
    expect(await store.echo(1), "and goes on").to.equal(1);
  });

  it("forwards what the store logs", async () => {
    await store.say("words");
    expect(logged).to.deep.equal([{ level: "warn", fields: { words: "words", amount: 1n }, message: "said" }]);
  });

  it("rejects as the store does when it cannot be opened", async () => {
    const error = await errorOf(openStore({ refuse: true }));
    expect(error).to.be.instanceOf(SmallAmountError).and.include({ amount: 7n });
    const missing = openInThread({ name: "none", module: `${module}.missing`, data: {}, log, errors: [] });
    expect((await errorOf(missing)).message).to.contain("missing");
  });

  for (const end of ["crash", "exit"] as const) {
    it(`rejects what is open and whatever comes later when its thread ends: ${end}`, async () => {
      const open = errorOf(store.part.note("open", 10_000));
      const ending = store[end]().catch(() => {});
      for (const error of [await open, await errorOf(store.echo(1))]) {
        expect(error).to.be.instanceOf(StoreThreadError);
        expect(error.message).to.contain("the test's store").and.contain("restart");
        expect(error.message).to.contain(end === "crash" ? "broken for good" : "it ended with 3");
      }
      await ending;
      expect(logged.filter(({ level }) => level === "error")).to.have.length(1);
      expect(await errorOf(store.close()), "nothing closes it any more").to.be.instanceOf(StoreThreadError);
    });
  }

  it("finishes what is under way before it closes, once, and takes nothing more", async () => {
    const slow = await openStore({ closeMs: 20 });
    const done: string[] = [];
    const open = slow.part.note("under way", 50).then(() => done.push("call"));
    const closing = [slow.close(), slow.close()].map((close) => close.then(() => done.push("close")));
    expect((await errorOf(slow.echo(1))).message).to.equal("the test's store is closed");
    await Promise.all([open, ...closing]);
    expect(done).to.deep.equal(["call", "close", "close"]);
    expect(logged).to.deep.equal([]);
  });
});
