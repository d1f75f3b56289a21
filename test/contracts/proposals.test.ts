import { expect } from "chai";

import { titleOf } from "../../src/contracts/proposals.ts";

const title = (text: string) => titleOf(new TextEncoder().encode(text));

describe("contracts/proposals titles", () => {
  it("are the first line that says something, without its marks", () => {
    expect(title("# Messages at 400\n\nBecause.")).to.equal("Messages at 400");
    expect(title("\n \r\n## \n  Two\nThree")).to.equal("Two");
    expect(title("")).to.equal("");
    expect(title("one\u2028two")).to.equal("one");
  });

  it("have nothing that turns words round, hides, or rings", () => {
    expect(title("pay \u202egnp.exe\u0007\u200b\u0000now\u009b31m")).to.equal("pay ?gnp.exe???now?31m");
  });

  it("stay short, whole letters only, however long the text is", () => {
    expect([...title("W".repeat(1_000_000))]).to.have.length(161);
    const faces = title("😀".repeat(400));
    expect([...faces]).to.have.length(161);
    expect(faces).to.match(/^😀+…$/u);
  });

  it("are made of bytes that are no text too", () => {
    expect(titleOf(new Uint8Array([0x41, 0xff, 0xfe, 0x42, 0x0a, 0x43]))).to.equal("A\ufffd\ufffdB");
  });
});
