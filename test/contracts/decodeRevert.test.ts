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

  it("is undefined for foreign errors, cut-off data, other values and endless chains", () => {
    const endless: Record<string, unknown> = {};
    endless.error = endless;
    for (const error of [undefined, "text", new Error("network"), { data: "0x" }, { data: "0xdeadbeef" }, endless]) {
      expect(decodeRevert(error)).to.equal(undefined);
    }
    expect(decodeRevert({ data: data.slice(0, 20) })).to.equal(undefined);
  });
});
