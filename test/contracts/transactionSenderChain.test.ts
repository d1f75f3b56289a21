import { expect } from "chai";
import type { JsonRpcProvider } from "ethers";

import { deployNetwork } from "../../scripts/deploy/deployNetwork.ts";
import { readParameters } from "../../src/deployment/parameters.ts";
import type { LocalChain } from "../../scripts/local/localChain.ts";
import { localWallet, startLocalChain } from "../../scripts/local/localChain.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { nodeRegistration } from "../../src/contracts/nodeRegistration.ts";
import { TransactionSender } from "../../src/contracts/transactionSender.ts";
import { systemClock } from "../../src/platform/clock.ts";
import { silentLog } from "../../src/platform/log.ts";
import { fromHex } from "../../src/protocol/bytes.ts";
import { TOKEN } from "./fixtures.ts";

describe("contracts/transactionSender on a chain", () => {
  let chain: LocalChain;
  before(async () => {
    chain = await startLocalChain();
  });
  after(() => chain.close());

  it("is enough when the estimate wrote into a checkpoint of its second and the block is a second later", async () => {
    const signer = localWallet(0).connect(chain.provider);
    const record = await deployNetwork({ signer, parameters: readParameters("local") });
    const { nodeRegistry, nodeStaking, postageToken } = connectContracts(record, signer);
    await (await postageToken.approve(nodeStaking, 20_000n * TOKEN)).wait();
    const registration = nodeRegistration(record, {
      owner: signer.address as `0x${string}`,
      signingKey: fromHex("11".repeat(32)),
      attestationKey: fromHex("12".repeat(32)),
      httpAddress: "http://127.0.0.1:1",
      payout: signer.address as `0x${string}`,
    });
    await (await nodeRegistry.register(registration)).wait();
    const { timestamp } = (await chain.provider.getBlock("latest"))!;
    const next = (at: number) => chain.provider.send("evm_setNextBlockTimestamp", [at]);

    await next(timestamp);
    const provider = new Proxy(chain.provider, {
      get(target: JsonRpcProvider, name) {
        if (name !== "estimateGas") {
          const value = Reflect.get(target, name) as unknown;
          return typeof value === "function" ? value.bind(target) : value;
        }
        return async (call: Parameters<JsonRpcProvider["estimateGas"]>[0]) => {
          const gas = await target.estimateGas(call);
          await next(timestamp + 1);
          return gas;
        };
      },
    });
    const options = { signer, provider, clock: systemClock, log: silentLog, pollingMs: 10, bumpAfterMs: 60_000 };
    const data = nodeStaking.interface.encodeFunctionData("stake", [100, 500n * TOKEN]);
    const call = { to: await nodeStaking.getAddress(), data };
    const receipt = await new TransactionSender(options).send(call, AbortSignal.timeout(10_000));
    expect(receipt.status).to.equal(1);
  });
});
