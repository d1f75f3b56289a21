import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { Wallet, encryptKeystoreJsonSync } from "ethers";

import { KeyFileError } from "../../../src/platform/keyFile.ts";
import type { KeySource, LocalKeySource } from "../../../src/platform/keys/keySource.ts";
import { openSigner, readLocalKey } from "../../../src/platform/keys/keySource.ts";

const KEY = "11".repeat(32);
const PASSWORD = "a secret phrase";
const { address } = new Wallet(`0x${KEY}`);
// A tenth of a second instead of seconds.
const JSON_TEXT = encryptKeystoreJsonSync({ address, privateKey: `0x${KEY}` }, PASSWORD, { scrypt: { N: 1_024 } });
/** Of the format's own specification: PBKDF2 instead of scrypt. */
const PBKDF2 = {
  ...{ version: 3, id: "3198bc9c-6672-5ab3-d995-4942343ae5b6", address: "008aeeda4d805471df9b2a5b0f38a0c3bcba786b" },
  crypto: {
    ...{ cipher: "aes-128-ctr", cipherparams: { iv: "6087dab2f9fdbbfaddc31a909735c1e6" } },
    ciphertext: "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
    kdf: "pbkdf2",
    kdfparams: {
      ...{ c: 262_144, dklen: 32, prf: "hmac-sha256" },
      salt: "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
    },
    mac: "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
  },
};

describe("platform/keys/keySource", () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "keys-"))));
  afterEach(() => rmSync(directory, { recursive: true }));

  function file(name: string, content: string, mode = 0o600): string {
    const path = join(directory, name);
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  }

  async function refusal(source: LocalKeySource, environment = {}): Promise<string> {
    const error: unknown = await readLocalKey(source, environment).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(KeyFileError);
    const { message, cause } = error as Error;
    expect(cause, "a cause may quote what it was given").to.equal(undefined);
    for (const secret of [KEY, PASSWORD, "wrong phrase"]) expect(message).not.to.include(secret);
    return message;
  }

  it("opens a file of hex and a keystore, with the password in a file or in the environment", async () => {
    const keystoreFile = file("keystore.json", JSON_TEXT);
    const sources: KeySource[] = [
      { keyFile: file("plain.key", `${KEY}\n`) },
      { keystoreFile, passwordFile: file("password", `${PASSWORD}\n`) },
      { keystoreFile, passwordVariable: "POSTAGE_PASSWORD" },
    ];
    for (const source of sources) {
      const signer = await openSigner(source, { POSTAGE_PASSWORD: PASSWORD });
      expect(signer.address).to.equal(address.toLowerCase());
    }
  });

  it("opens the specification's own keystore", async () => {
    const source = { keystoreFile: file("k.json", JSON.stringify(PBKDF2)), passwordVariable: "P" };
    const key = await readLocalKey(source, { P: "testpassword" });
    expect(Buffer.from(key).toString("hex")).to.equal(
      "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d",
    );
  });

  it("refuses a keystore or password that others can read, and says how to mend it", async function () {
    if (process.platform === "win32") this.skip();
    const open = file("open.json", JSON_TEXT, 0o644);
    expect(await refusal({ keystoreFile: open, passwordVariable: "P" }, { P: PASSWORD })).to.include(
      `chmod 600 ${open}`,
    );
    const keystoreFile = file("keystore.json", JSON_TEXT);
    const passwordFile = file("password", PASSWORD, 0o640);
    expect(await refusal({ keystoreFile, passwordFile })).to.include(`chmod 600 ${passwordFile}`);
  });

  it("says what is wrong without a word of the key or the password", async () => {
    const keystoreFile = file("keystore.json", JSON_TEXT);
    const damaged = file("damaged.json", JSON_TEXT.replace(/"mac":"../, '"mac":"zz'));
    const P = { P: PASSWORD };
    expect(await refusal({ keystoreFile, passwordVariable: "P" }, { P: "wrong phrase" })).to.include(
      "password is wrong",
    );
    expect(await refusal({ keystoreFile, passwordVariable: "P" }, {})).to.include(
      "P with the keystore's password is not set",
    );
    expect(await refusal({ keystoreFile: damaged, passwordVariable: "P" }, P)).to.match(/damaged|no keystore/);
    expect(await refusal({ keystoreFile: file("hex", KEY), passwordVariable: "P" }, P)).to.include("no keystore");
    expect(await refusal({ keystoreFile: join(directory, "none"), passwordVariable: "P" }, P)).to.include(
      "cannot read",
    );
    expect(await refusal({ keystoreFile, passwordFile: join(directory, "none") })).to.include("cannot read");
    expect(await refusal({ keyFile: file("short", KEY.slice(2)) })).to.include("64 hex digits");
  });
});
