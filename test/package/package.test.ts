import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

import { expect } from "chai";
import { build } from "esbuild";
import ts from "typescript";

import { BROWSER_ENTRIES, ENTRIES } from "../../scripts/package/entries.ts";
import { publicSurface } from "../../scripts/package/surface.ts";
import { toAddress, toHex } from "../../src/protocol/bytes.ts";
import { signVoucher } from "../../src/protocol/voucher.ts";
import { findChromium, startBrowser } from "../support/browser.ts";

/** Under the project, so that what the package depends on is found in the project's node_modules. */
const APP = join("tmp", "package-test");
const KEY = new Uint8Array(32).fill(0x11);
const DOMAIN = { chainId: 31337n, postageChannels: toAddress("0x00000000000000000000000000000000000000aa") };
const VOUCHER = { fees: 5_000_000n, stamps: 7n };
const write = (name: string, text: string) => writeFileSync(join(APP, name), text);
const specifier = (entry: string) => `pennyblack${entry.slice(1)}`;

/** What somebody gets who installs the tarball. */
describe("the npm package", () => {
  before(function () {
    this.timeout(300_000);
    const out = execFileSync(process.execPath, ["--import", "tsx", "scripts/package.ts"], { encoding: "utf8" });
    const modules = join(APP, "node_modules");
    rmSync(APP, { recursive: true, force: true });
    mkdirSync(join(modules, "pennyblack"), { recursive: true });
    execFileSync("tar", ["xzf", out.trim(), "-C", join(modules, "pennyblack"), "--strip-components=1"]);
    write("package.json", JSON.stringify({ type: "module" }));
  });

  it("loads in Node from every entry, and its threads start", () => {
    const log =
      "const log = { debug() {}, info() {}, warn(...all) { throw new Error(JSON.stringify(all)); }, error() {} };";
    write(
      "app.js",
      `${Object.keys(ENTRIES)
        .map((entry, i) => `import * as m${i} from "${specifier(entry)}";`)
        .join("\n")}
import { openSqliteStoreInThread } from "pennyblack";
import { openThreads } from "pennyblack/daemon";
import { addressOf, signDigest } from "pennyblack/protocol";
${log}
const key = new Uint8Array(32).fill(2);
const digest = new Uint8Array(32).fill(1);
const store = await openSqliteStoreInThread("store.sqlite", log);
await store.close();
const threads = openThreads(log, { count: 1 });
const signature = signDigest(digest, key);
const found = new Set(await Promise.all(Array.from({ length: 64 }, () => threads.recover(digest, signature))));
await threads.close();
console.log(JSON.stringify({ found: [...found], expected: addressOf(key) }));`,
    );
    const { found, expected } = JSON.parse(
      execFileSync(process.execPath, ["app.js"], { cwd: APP, encoding: "utf8" }),
    ) as { found: string[]; expected: string };
    expect(found).to.deep.equal([expected]);
  }).timeout(180_000);

  it("has types that hold, all of them, and refuse what is wrong", () => {
    write(
      "app.ts",
      `import { startGateway } from "pennyblack";
import { ReceiptProver } from "pennyblack/client";
import { connectContracts } from "pennyblack/contracts";
import { Daemon } from "pennyblack/daemon";
import { voucherDigest } from "pennyblack/protocol";
export { ReceiptProver, Daemon };
export const wrong: number[] = [startGateway, voucherDigest, (null as unknown as ReturnType<typeof connectContracts>).stamps.charge];`,
    );
    const program = ts.createProgram([join(APP, "app.ts")], {
      ...{ strict: true, noEmit: true, types: ["node"], target: ts.ScriptTarget.ES2023, skipLibCheck: false },
      ...{ module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
    });
    const problems = ts.getPreEmitDiagnostics(program);
    // Each is typed, so that none of them is a number; nothing else is wrong.
    expect(problems.map(({ code }) => code)).to.deep.equal([2322, 2322, 2322]);
  }).timeout(180_000);

  it("exports what it is known to export", () => {
    const expected = readFileSync(join("test", "package", "surface.txt"), "utf8");
    expect(publicSurface("dist"), "npm run package -- --surface, when the change is meant").to.equal(expected);
  }).timeout(180_000);

  it("runs in a browser: no Node built-in, and a voucher signed there is the one signed here", async function () {
    this.timeout(180_000);
    const imports = Object.keys(BROWSER_ENTRIES).map((entry, i) => `import * as m${i} from "${specifier(entry)}";`);
    write(
      "page.js",
      `${imports.join("\n")}
import { fromHex, signVoucher, toHex } from "pennyblack/protocol";
import { ReceiptProver } from "pennyblack/client";
import { abis, connectContracts } from "pennyblack/contracts";
globalThis.sign = (key) =>
  toHex(signVoucher({ chainId: 31337n, postageChannels: "${DOMAIN.postageChannels}" }, { fees: 5000000n, stamps: 7n }, fromHex(key)));
globalThis.loaded = [typeof ReceiptProver, typeof connectContracts, Object.keys(abis).length];
`,
    );
    // Fails at the first `node:` that a browser would have to load.
    const { outputFiles } = await build({
      ...{ entryPoints: [join(APP, "page.js")], bundle: true, platform: "browser", format: "esm", write: false },
      logLevel: "silent",
    });
    const chromium = findChromium();
    if (!chromium) {
      if (process.env.CI) throw new Error("no Chromium was found: install Debian's chromium");
      this.skip();
    }
    const html = `<!doctype html><script type="module" src="/page.js"></script>`;
    const server = createServer(({ url }, response) => {
      const isScript = url === "/page.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? outputFiles[0]!.contents : html);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const browser = await startBrowser(chromium);
    try {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(error.message));
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.waitForFunction("globalThis.loaded", undefined, { timeout: 30_000 }).catch((error: unknown) => {
        throw new Error(`the page did not load: ${problems.join("; ")}`, { cause: error });
      });
      expect(await page.evaluate("globalThis.loaded")).to.deep.equal(["function", "function", 20]);
      const row = await page.evaluate(`globalThis.sign(${JSON.stringify(toHex(KEY))})`);
      expect(row).to.equal(toHex(signVoucher(DOMAIN, VOUCHER, KEY)));
      expect(problems).to.deep.equal([]);
    } finally {
      await browser.close();
      server.close();
    }
  });
});
