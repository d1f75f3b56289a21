import { expect } from "chai";
import { randomBytes } from "ethers";
import { network } from "hardhat";

import { writeDataFeeParameters } from "../../../scripts/bench/baseDataFee.ts";
import { dataFeePerByte } from "../../../src/daemon/adapters/dataFee.ts";
import { ethersTransactions } from "../../../src/daemon/adapters/ethersTransactions.ts";
import { dataFeeWei } from "../../../src/daemon/gasPolicy.ts";
import { toHex } from "../../../src/protocol/bytes.ts";
import { ManualClock } from "../../support/manualClock.ts";

describe("daemon/adapters/dataFee on a chain of the OP stack", () => {
  it("bounds what each transaction is charged for its data, small, large, random or not", async () => {
    const { ethers, provider } = await network.create({ network: "simulatedBase" });
    const clock = new ManualClock();
    const perByte = dataFeePerByte(ethers.provider, clock);
    await writeDataFeeParameters(provider);
    const fee = await perByte();
    expect(fee > 0n).to.equal(true);
    expect((await ethersTransactions(ethers.provider).market()).dataFeePerByte).to.equal(fee);
    const [signer] = await ethers.getSigners();
    for (const data of [0, 4, 36, 148, 1_000, 40_000].flatMap((n) => [randomBytes(n), new Uint8Array(n)]).map(toHex)) {
      const { hash } = await signer!.sendTransaction({ to: signer!.address, data });
      const receipt = (await provider.request({ method: "eth_getTransactionReceipt", params: [hash] })) as {
        l1Fee: string;
      };
      const charged = BigInt(receipt.l1Fee);
      expect(charged > 0n, data.slice(0, 10)).to.equal(true);
      expect(dataFeeWei(data, fee) >= charged, `${(data.length - 2) / 2} bytes: ${charged}`).to.equal(true);
      // Bytes that do not compress, as vouchers, are what a bound is for: not twice as much as they cost.
      if (data.length > 2_000 && !data.endsWith("00".repeat(64))) {
        expect(dataFeeWei(data, fee) < 2n * charged).to.equal(true);
      }
    }
  });

  it("costs nothing where there is no oracle, and is asked once a minute where there is", async () => {
    const asked: string[] = [];
    const clock = new ManualClock();
    const chain = (code: string) => ({
      getCode: async () => {
        asked.push("code");
        return code;
      },
      call: async () => {
        asked.push("fee");
        return `0x${(131_073).toString(16).padStart(64, "0")}`;
      },
    });
    const none = dataFeePerByte(chain("0x"), clock);
    expect([await none(), await none()]).to.deep.equal([0n, 0n]);
    expect(asked).to.deep.equal(["code"]);
    const some = dataFeePerByte(chain("0x00"), clock);
    expect([await some(), await some()], "rounded up").to.deep.equal([2n, 2n]);
    clock.advance(60_000);
    await some();
    expect(asked).to.deep.equal(["code", "code", "fee", "fee"]);
  });
});
