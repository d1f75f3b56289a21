import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect } from "chai";
import { Transaction, Wallet } from "ethers";

import { localSigner } from "../../../src/platform/keys/localSigner.ts";
import { remoteSigner } from "../../../src/platform/keys/remoteSigner.ts";
import type { TransactionToSign } from "../../../src/platform/keys/transactionSigner.ts";
import { SignerError } from "../../../src/platform/keys/transactionSigner.ts";

const KEY = new Uint8Array(32).fill(0x51);
const OTHER_KEY = new Uint8Array(32).fill(0x52);
const local = localSigner(KEY);
const ASKED: TransactionToSign = {
  ...{ chainId: 31_337n, nonce: 7, to: `0x${"c0".repeat(20)}`, data: "0x1234", gasLimit: 300_000n },
  ...{ maxFeePerGas: 2_000_000_000n, maxPriorityFeePerGas: 100_000_000n },
};

interface Asked {
  method: string;
  params: [Record<string, string>];
}

describe("platform/keys/remoteSigner", () => {
  let server: Server;
  let asked: Asked[];
  let answer: (asked: Asked) => unknown;

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (part: Buffer) => (body += part.toString()));
      request.on("end", () => {
        asked.push(JSON.parse(body) as Asked);
        const said = answer(asked.at(-1)!);
        if (said !== undefined) response.end(typeof said === "string" ? said : JSON.stringify(said));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const signer = (options: object = {}) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?token=secret`;
    return remoteSigner({ url, address: local.address, timeoutMs: 500, ...options });
  };

  async function refusal(options = {}): Promise<SignerError> {
    const error: unknown = await signer(options)
      .sign(ASKED)
      .catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(SignerError);
    expect((error as SignerError).message).not.to.include("secret");
    return error as SignerError;
  }

  it("takes what Web3Signer, geth and clef answer, when it is exactly what was asked for", async () => {
    const raw = await local.sign(ASKED);
    answer = () => ({ jsonrpc: "2.0", id: 1, result: raw });
    expect(await signer().sign(ASKED)).to.equal(raw);
    expect(asked[0]!.method).to.equal("eth_signTransaction");
    expect(asked[0]!.params[0]).to.deep.equal({
      ...{ from: local.address, to: ASKED.to, data: "0x1234", value: "0x0", nonce: "0x7", gas: "0x493e0" },
      ...{ chainId: "0x7a69", maxFeePerGas: "0x77359400", maxPriorityFeePerGas: "0x5f5e100" },
    });
    answer = () => ({ jsonrpc: "2.0", id: 1, result: { raw, tx: {} } });
    expect(await signer({ method: "account_signTransaction" }).sign(ASKED)).to.equal(raw);
    expect(asked[1]!.method).to.equal("account_signTransaction");
    const creation = { ...ASKED, to: null };
    const created = await local.sign(creation);
    answer = () => ({ jsonrpc: "2.0", id: 1, result: created });
    expect(await signer().sign(creation)).to.equal(created);
    expect(asked[2]!.params[0]).not.to.have.property("to");
  });

  it("uses nothing of an answer that differs in any field, is another account's or is unsigned", async () => {
    const changes: Partial<TransactionToSign>[] = [
      { nonce: 8 },
      { chainId: 1n },
      { to: `0x${"c1".repeat(20)}` },
      { to: null },
      { data: "0x1235" },
      { gasLimit: 300_001n },
      { maxFeePerGas: 2_000_000_001n },
      { maxPriorityFeePerGas: 1n },
    ];
    for (const change of changes) {
      const raw = await local.sign({ ...ASKED, ...change });
      answer = () => ({ result: raw });
      expect((await refusal()).code, Object.keys(change)[0]).to.equal("signer_wrong_answer");
    }
    const wallet = new Wallet(`0x${"51".repeat(32)}`);
    const paying = await wallet.signTransaction({ ...ASKED, type: 2, value: 1n });
    const legacy = await wallet.signTransaction({ ...pick(ASKED), type: 0, gasPrice: 1n });
    const foreign = await localSigner(OTHER_KEY).sign(ASKED);
    const unsigned = Transaction.from({ ...ASKED, type: 2 }).unsignedSerialized;
    for (const result of [paying, legacy, foreign, unsigned, "0x02", "0x", "hello", 7, null, {}, { raw: 1 }]) {
      answer = () => ({ result });
      expect((await refusal()).code, JSON.stringify(result)).to.equal("signer_wrong_answer");
    }
    for (const text of ["", "no json", "7", "null"]) {
      answer = () => text;
      expect((await refusal()).code, text).to.equal("signer_wrong_answer");
    }
  });

  it("tells a refusal from silence, and does not wait for ever nor read without end", async () => {
    answer = () => ({ error: { code: -32_000, message: "this account is locked" } });
    const refused = await refusal();
    expect(refused.code).to.equal("signer_refused");
    expect(refused.message).to.include("this account is locked");
    answer = () => undefined;
    expect((await refusal({ timeoutMs: 50 })).code).to.equal("signer_unreachable");
    answer = () => "x".repeat(2_000_000);
    expect((await refusal()).code).to.equal("signer_unreachable");
    expect((await refusal({ url: "http://127.0.0.1:1/?token=secret" })).code).to.equal("signer_unreachable");
  });
});

function pick({ nonce, to, data, gasLimit, chainId }: TransactionToSign) {
  return { nonce, to, data, gasLimit, chainId };
}
