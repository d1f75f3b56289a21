import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { readOperatorConfig } from "../../src/cli/config/operatorConfig.ts";
import { backUp } from "../../src/cli/operate/backup.ts";
import { BackupError, lastSequenceId, readLedger } from "../../src/cli/operate/databases.ts";
import { restore } from "../../src/cli/operate/restore.ts";
import { markFile } from "../../src/cli/settlement.ts";
import { LedgerRolledBackError, keepMark, readMark, requireNotRolledBack } from "../../src/daemon/mark.ts";
import type { DaemonStore } from "../../src/daemon/ports.ts";
import { NodeStore } from "../../src/node/store/store.ts";
import { silentLog } from "../../src/platform/log.ts";
import { NODE_ID, storeAt } from "../daemon/support.ts";
import { failureOf } from "../daemon/store/backends.ts";
import { ManualClock } from "../support/manualClock.ts";

const CONFIG = {
  ...{ deployment: "d.json", rpcUrl: "http://127.0.0.1:1", listen: { host: "127.0.0.1", port: 0 }, operatorPort: 0 },
  ...{ dataDirectory: "data", signingKeyFile: "s", settlementKeyFile: "t", nativeTokenPrice: "1", nodeId: NODE_ID },
};

describe("cli/backup and restore", () => {
  let home: string;
  let stores: DaemonStore[];
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "pennyblack-backup-"));
    stores = [];
    writeFileSync(join(home, "node.json"), JSON.stringify(CONFIG));
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    rmSync(home, { recursive: true });
  });

  const operator = () => readOperatorConfig(join(home, "node.json"), {});
  const data = (name: string) => join(home, "data", name);
  const to = (name: string) => join(home, name);

  async function ledger(): Promise<DaemonStore> {
    const store = await storeAt(data("ledger.sqlite"));
    stores.push(store);
    return store;
  }
  async function close(store: DaemonStore): Promise<void> {
    stores = stores.filter((one) => one !== store);
    await store.close();
  }
  const meter = (store: DaemonStore, after: bigint, upTo: bigint) =>
    store.ledger.meter({ originatorId: NODE_ID, after, upTo, charges: [], minuteCounts: new Map() });

  /** A node's database whose own log has come so far. */
  function nodeAt(last: number): void {
    const store = new NodeStore(data("node.sqlite"), silentLog);
    store.write((writer) => {
      const from = Number(lastSequenceId(data("node.sqlite"), NODE_ID));
      for (let id = from + 1; id <= last; id++) {
        writer.append({
          ...{ originatorId: NODE_ID, sequenceId: BigInt(id), originatorNs: BigInt(id) },
          ...{ topic: new Uint8Array([1]), bytes: new Uint8Array([id]) },
        });
      }
    });
    store.close();
  }

  /** Writes the mark as a daemon does that runs, and is stopped. */
  async function noted(store: DaemonStore): Promise<void> {
    const options = {
      file: markFile(operator().config),
      nodeId: NODE_ID,
      ledger: store.ledger,
      originators: () => [200],
    };
    await keepMark({ ...options, clock: new ManualClock(), log: silentLog }).stop();
  }

  it("copies databases that are in use, and brings the newest ones back", async () => {
    const store = await ledger();
    await meter(store, 0n, 5n);
    await store.ledger.raiseHighWater(5n);
    nodeAt(5);
    const { files } = await backUp(operator(), to("backup"), 1);
    expect(files.map(({ name }) => name)).to.deep.equal(["ledger.sqlite", "node.sqlite"]);
    await noted(store);
    await close(store);
    for (const name of ["ledger", "node"]) {
      for (const part of ["", "-wal", "-shm"]) rmSync(data(`${name}.sqlite${part}`), { force: true });
    }
    expect((await restore(operator(), to("backup"), 2)).kept).to.equal(undefined);
    expect((await readLedger(data("ledger.sqlite"))).cursors.get(NODE_ID)).to.equal(5n);
    expect(lastSequenceId(data("node.sqlite"), NODE_ID)).to.equal(5n);
    expect(existsSync(to("backup/ledger.sqlite-wal")), "a copy is one file").to.equal(false);
    // Once more over what is there, which is kept.
    const { kept } = await restore(operator(), to("backup"), 3);
    expect(existsSync(join(kept!, "node.sqlite"))).to.equal(true);
  });

  it("refuses an older backup of either, by what is there and, when that is lost, by the mark", async () => {
    const store = await ledger();
    await meter(store, 0n, 5n);
    nodeAt(5);
    await backUp(operator(), to("old"), 1);
    await meter(store, 5n, 6n);
    await store.ledger.raiseHighWater(6n);
    nodeAt(6);
    const inUse = await failureOf(restore(operator(), to("old"), 2));
    expect(inUse).to.be.instanceOf(BackupError).and.have.property("code", "in_use");
    await noted(store);
    await close(store);
    const refused = async (why: RegExp) => {
      const error = await failureOf(restore(operator(), to("old"), 2));
      expect(error).to.be.instanceOf(BackupError).and.have.property("code", "rolled_back");
      expect(error.message).to.match(why);
    };
    await refused(/older than the ledger of this node: the log of node 100 was metered to 6, and it says 5/);
    rmSync(data("ledger.sqlite"));
    await refused(/metered to 6/);
    // Of the node's database alone.
    const manifest = JSON.parse(readFileSync(to("old/manifest.json"), "utf8")) as { files: object[] };
    writeFileSync(to("old/manifest.json"), JSON.stringify({ ...manifest, files: manifest.files.slice(1) }));
    await refused(/ends with sequence id 5, and this node has given out 6/);
    rmSync(data("node.sqlite"));
    await refused(/given out 6/);
    // Nothing is known here any more: peers are asked at the start.
    rmSync(markFile(operator().config));
    await restore(operator(), to("old"), 3);
  });

  it("a daemon refuses a ledger that was put back by hand, takes an empty one, and tells it what was given out", async () => {
    const store = await ledger();
    await meter(store, 0n, 5n);
    await backUp(operator(), to("old"), 1);
    await meter(store, 5n, 9n);
    await store.ledger.raiseHighWater(9n);
    await noted(store);
    await close(store);
    const mark = (await readMark(markFile(operator().config)))!;
    for (const part of ["", "-wal", "-shm"]) rmSync(data(`ledger.sqlite${part}`), { force: true });
    copyFileSync(to("old/ledger.sqlite"), data("ledger.sqlite"));
    const old = await ledger();
    const error = await failureOf(requireNotRolledBack(mark, old.ledger, "ledger.sqlite"));
    expect(error).to.be.instanceOf(LedgerRolledBackError);
    expect(error.message).to.include("older copy").and.include("move ledger.sqlite away");
    await close(old);
    const empty = await storeAt(":memory:");
    stores.push(empty);
    await requireNotRolledBack(mark, empty.ledger, "ledger.sqlite");
    expect(await empty.ledger.raiseHighWater(0n)).to.equal(9n);
  });

  it("refuses what is no whole backup, or another node's", async () => {
    const store = await ledger();
    await meter(store, 0n, 5n);
    const backup = async (name: string) => {
      await backUp(operator(), to(name), 1);
      return to(name);
    };
    const codeOf = async (directory: string) =>
      ((await failureOf(restore(operator(), directory, 2))) as BackupError).code;
    const [good, cut, foreign] = [await backup("good"), await backup("cut"), await backup("foreign")];
    expect(await failureOf(backUp(operator(), good, 2))).to.have.property("code", "target_exists");
    await close(store);
    writeFileSync(join(cut, "ledger.sqlite"), readFileSync(join(cut, "ledger.sqlite")).subarray(0, 5_000));
    expect(await codeOf(cut)).to.equal("bad_backup");
    const manifest = join(foreign, "manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"nodeId": 100', '"nodeId": 200'));
    expect(await codeOf(foreign)).to.equal("other_node");
    writeFileSync(
      manifest,
      JSON.stringify({ nodeId: 100, createdAt: 1, files: [{ name: "../../etc/passwd", sha256: "" }] }),
    );
    expect(await codeOf(foreign)).to.equal("bad_backup");
    expect(await codeOf(to("nowhere"))).to.equal("bad_backup");
  });
});
