import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect } from "chai";

import { redactor } from "../../src/platform/redact.ts";
import { toBase64Url } from "../../src/protocol/bytes.ts";

const LOG = fileURLToPath(new URL("../../src/platform/log.ts", import.meta.url));

describe("platform/redact", () => {
  const redact = redactor(["hunter2-hunter2", "postgres://pb:s3cret@db.example/ledger"]);
  const shown = (value: unknown) => JSON.stringify(redact(value));

  it("hides keys and passwords in addresses, and leaves the host", () => {
    const text = shown({
      error: "request to https://eth.example/v2/abcdEFGH1234567890abcd failed",
      at: ["wss://user:pass@rpc.example:8443/ws?apikey=topsecret", { url: "http://127.0.0.1:5050/vouchers" }],
    });
    for (const secret of ["abcdEFGH", "pass", "topsecret", "apikey"]) expect(text).not.to.contain(secret);
    expect(text).to.contain("https://eth.example/v2/[hidden] failed");
    expect(text).to.contain("wss://rpc.example:8443/ws");
    expect(text).to.contain("http://127.0.0.1:5050/vouchers");
  });

  it("hides what it was told, wherever it stands", () => {
    const text = shown({
      error: new Error("wrong password: hunter2-hunter2 (postgres://pb:s3cret@db.example/ledger)"),
    });
    expect(text).not.to.match(/hunter2|s3cret/);
    expect(text).to.contain("postgres://db.example/ledger");
  });

  it("hides vouchers and signatures, in hex, base64url and bytes, and shows hashes, addresses and amounts", () => {
    const row = new Uint8Array(80).map((_, i) => i * 7 + 1);
    const hex = `0x${Buffer.from(row).toString("hex")}`;
    const signature = Buffer.alloc(65, 0xab).toString("hex");
    const text = shown({ hex, header: `x-postage-voucher: ${toBase64Url(row)}`, row, signature, fees: 2n ** 70n });
    expect(text).not.to.contain(hex.slice(10, 40));
    expect(text).not.to.contain(signature.slice(0, 20));
    expect(text).not.to.contain(toBase64Url(row).slice(0, 20));
    expect(text).to.contain("1180591620717411303424");
    const plain = { hash: `0x${"ab".repeat(32)}`, channel: `0x${"12".repeat(20)}`, inbox: "cd".repeat(32) };
    expect(redact(plain)).to.deep.equal(plain);
  });

  it("keeps them out of the lines of a process", () => {
    const code = `const { createLog } = await import(${JSON.stringify(LOG)});
      createLog("node", "info", ["0123456789secretsecret"]).warn(
        { error: new Error("https://rpc.example/key/0123456789secretsecret"), amount: 5n }, "a step failed");`;
    const { stderr } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      encoding: "utf8",
    });
    const line = JSON.parse(stderr) as Record<string, unknown>;
    expect(line).to.include({ name: "node", amount: "5", msg: "a step failed" });
    expect(stderr).not.to.contain("secretsecret");
    expect(stderr).to.contain("rpc.example");
  });
});
