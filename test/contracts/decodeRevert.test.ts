import { expect } from "chai";
import { Interface } from "ethers";

import { postageChannelsAbi } from "#abi/PostageChannels.ts";

import { decodeRevert } from "../../src/contracts/decodeRevert.ts";

const key = "0x000000000000000000000000000000000000dEaD";
const data = new Interface(postageChannelsAbi).encodeErrorResult("PostageChannelsNoWithdrawal", [key]);
const expected = { contract: "postageChannels", name: "PostageChannelsNoWithdrawal", args: { key } };

describe("decodeRevert", () => {
  it("finds revert data where each client puts it", () => {
    for (const error of [{ data }, { error: { data } }, { info: { error: { data } } }, { cause: { data: { data } } }]) {
      expect(decodeRevert(Object.assign(new Error("reverted"), error))).to.deep.equal(expected);
    }
  });

  it("knows what contracts say in words, and panics", () => {
    const builtIn = new Interface(["error Error(string)", "error Panic(uint256)"]);
    const words = decodeRevert({ data: builtIn.encodeErrorResult("Error", ["no"]) });
    expect(words).to.include({ name: "Error" });
    expect(words!.args).to.deep.equal({ 0: "no" });
    const panic = decodeRevert({ data: builtIn.encodeErrorResult("Panic", [17n]) });
    expect(panic).to.include({ name: "Panic" });
    expect(panic!.args).to.deep.equal({ 0: 17n });
  });

  it("keeps words that are no UTF-8 from hiding the error", () => {
    const registry = new Interface(["error Error(string)"]);
    const data = registry.encodeErrorResult("Error", ["ab"]).replace("6162", "ff62");
    expect(decodeRevert({ data })).to.include({ name: "Error" });
  });

  it("is undefined for foreign errors, cut-off data, other values and endless chains", () => {
    const endless: Record<string, unknown> = {};
    endless.error = endless;
    for (const error of [undefined, "text", new Error("network"), { data: "0x" }, { data: "0xdeadbeef" }, endless]) {
      expect(decodeRevert(error)).to.equal(undefined);
    }
    expect(decodeRevert({ data: data.slice(0, 20) })).to.equal(undefined);
  });
});
