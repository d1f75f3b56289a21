import { expect } from "chai";
import { HDNodeWallet, getAddress } from "ethers";

import type { Provider } from "ethers";
import { CREATE3_DEPLOYER, PROXY, create3Address } from "../../src/deployment/create3.ts";
import type { NetworkParameters } from "../../src/deployment/networkParameters.ts";
import { planDeployment } from "../../src/deployment/plan.ts";
import { planJson, planLines } from "../../src/deployment/printPlan.ts";
import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { SimulatedChain } from "./support.ts";
import {
  HOLDERS,
  KEYHOLDER,
  NAMES,
  PHRASE,
  WALLET,
  apply,
  filledParameters,
  memoryStore,
  providerWith,
  rejection,
  simulatedChain,
} from "./support.ts";

const planOf = (network: NetworkParameters, chain: Provider) =>
  planDeployment({ network, chain, artifacts: readArtifact });

describe("planDeployment", () => {
  let base: SimulatedChain;

  before(async () => {
    base = await simulatedChain("base");
  });

  after(() => base.close());

  it("gives the same addresses on every network, whatever their parameters", async () => {
    const found = new Set<string>();
    for (const name of NAMES) {
      const chain = await simulatedChain(name);
      const { deployment } = await planOf(
        filledParameters(name, name === "sepolia" ? { maxSeats: 30 } : {}),
        chain.provider,
      );
      found.add(JSON.stringify(deployment.suite.addresses));
      await chain.close();
    }
    expect(found.size).to.equal(1);
  });

  it("gives others for another suite or another deploying account", async () => {
    const second = HDNodeWallet.fromPhrase(PHRASE, undefined, "m/44'/60'/0'/0/1").address;
    const of = async (chain: Record<string, unknown>) =>
      (await planOf(filledParameters("base", {}, chain), base.provider)).deployment;
    const plain = await of({});
    for (const changed of [await of({ suite: 2 }), await of({ deployer: second })]) {
      expect(changed.suite.deployer).not.to.equal(plain.suite.deployer);
      expect(changed.suite.addresses.timelock).not.to.equal(plain.suite.addresses.timelock);
    }
  });

  it("says in words who will own what, what is left and what it costs, and sends nothing", async () => {
    const head = await base.provider.getBlockNumber();
    const plan = await planOf(filledParameters("base"), base.provider);
    const text = planLines(plan).join("\n");
    const { timelock, guardian, postageGovernor } = plan.deployment.suite.addresses;
    for (const sentence of [
      `Timelock ${timelock}: the treasury; every setter; the Create3Deployer`,
      `PostageGovernor ${postageGovernor}: alone schedules and cancels`,
      `Guardian ${guardian}: may pause entries`,
      `${KEYHOLDER}: the guardian's keyholder`,
      `${HOLDERS[0]}: 500000000.0 stake tokens`,
      `${WALLET.address}, which deploys: nothing`,
      "25 of 25 steps are left",
      "costs now",
      "data fee",
      plan.digest,
    ]) {
      expect(text).to.include(sentence);
    }
    expect(plan.dataFeeWei > 0n, "Base charges for data").to.equal(true);
    expect(plan.neededWei > plan.costWei).to.equal(true);
    expect(JSON.parse(JSON.stringify(planJson(plan)))).to.include({
      network: "base",
      chainId: 8453,
      digest: plan.digest,
    });
    expect(await base.provider.getBlockNumber()).to.equal(head);
  });

  it("says so when the deploying account keeps something after all", async () => {
    const { owners } = await planOf(filledParameters("base", { guardianKeyholder: WALLET.address }), base.provider);
    expect(owners.at(-1)).to.include("but it is also the guardian's keyholder");
  });

  it("has a digest of what is sent, whatever of it is done", async () => {
    const chain = await simulatedChain("sepolia");
    const network = filledParameters("sepolia");
    const before = await planOf(network, chain.provider);
    await apply(network, chain.provider, memoryStore());
    const after = await planOf(network, chain.provider);
    expect(after.digest).to.equal(before.digest);
    expect(after).to.include({ gas: 0n, costWei: 0n });
    expect(after.steps.every(({ isDone }) => isDone)).to.equal(true);
    expect(
      (await planOf(filledParameters("sepolia", { maxSeats: 30 }, { suite: 2 }), chain.provider)).digest,
    ).not.to.equal(before.digest);
    await chain.close();
  });

  it("refuses another chain", async () => {
    const error = await rejection(planOf(filledParameters("mainnet"), base.provider));
    expect(error).to.include({ code: "wrong_chain" });
    expect(error.message).to.include("serves chain 8453, mainnet is chain 1");
  });

  it("refuses a token without code, with other decimals, of another name, or that is no token", async () => {
    const at = (feeToken: object) => rejection(planOf(filledParameters("base", {}, { feeToken }), base.provider));
    const usdc = filledParameters("base").chain.feeToken as object;
    const nothing = await at({ ...usdc, address: getAddress(`0x${"12".repeat(20)}`) });
    expect(nothing).to.include({ code: "wrong_token" });
    expect(nothing.message).to.include("has no code");
    expect((await at({ ...usdc, decimals: 18 })).message).to.include("has 6 decimals, expected 18");
    expect((await at({ ...usdc, symbol: "USDbC" })).message).to.include("is USDC, expected USDbC");
    // L1Block has code and no decimals().
    const other = await at({ ...usdc, address: "0x4200000000000000000000000000000000000015" });
    expect(other.message).to.include("does not answer decimals()");
  });

  it("refuses an account that is too poor for an estimate", async () => {
    const error = await rejection(planOf(filledParameters("base", {}, { deployer: HOLDERS[0] }), base.provider));
    expect(error).to.include({ code: "no_gas_money", isRetryable: true });
  });

  it("refuses a chain without BLS12-381 precompiles", async () => {
    const old = providerWith(base.provider, {
      call: (request) =>
        typeof request.to === "string" && /0b$/.test(request.to) ? Promise.resolve("0x") : base.provider.call(request),
    });
    expect(await rejection(planOf(filledParameters("base"), old))).to.include({ code: "chain_lacks" });
  });

  it("names the constructor that refuses its parameters, and why", async () => {
    const error = await rejection(planOf(filledParameters("base", { maxSeats: 91 }), base.provider));
    expect(error).to.include({ code: "constructor_refuses" });
    expect(error.message).to.match(/NodeSeats cannot be deployed: NodeSeats\w+\(/);
  });

  it("names the value that no constructor could take at all, and does not blame the chain", async () => {
    for (const changes of [{ minimumDepositAmount: (2n ** 256n).toString() }, { settlerBountyBps: 70_000 }]) {
      const error = await rejection(planOf(filledParameters("base", changes), base.provider));
      expect(error).to.include({ code: "bad_parameters", isRetryable: false });
      expect(error.message).to.include("PostageChannels");
    }
  });

  it("refuses an address that something else occupies", async () => {
    const chain = await simulatedChain("base");
    const network = filledParameters("base");
    const { deployment } = await planOf(network, chain.provider);
    await chain.net.networkHelpers.setCode(deployment.suite.addresses.nodeStaking, "0x6001");
    const error = await rejection(planOf(network, chain.provider));
    expect(error).to.include({ code: "address_occupied" });
    expect(error.message).to.include("where NodeStaking belongs");
    await chain.close();
  });

  it("says that the chain cannot be asked, and that waiting helps", async () => {
    const dead = new Proxy(base.provider, { get: () => () => Promise.reject(new Error("socket hang up")) });
    expect(await rejection(planOf(filledParameters("base"), dead))).to.include({
      code: "chain_unread",
      isRetryable: true,
    });
    // An endpoint's address is a secret where it has a key in it, and ethers puts it into its messages.
    const words = { shortMessage: "server response 401", message: "server response 401 (https://rpc/SECRET)" };
    const closed = new Proxy(base.provider, { get: () => () => Promise.reject(Object.assign(new Error(), words)) });
    const { message } = await rejection(planOf(filledParameters("base"), closed));
    expect(message).to.include("server response 401").and.not.include("SECRET");
  });
});

describe("create3", () => {
  it("knows the proxy by its transaction, and gives the addresses that the Create3Deployer gives", async () => {
    expect(PROXY.transaction.from).to.equal("0x3fAB184622Dc19b6109349B94811493BF2a45362");
    const chain = await simulatedChain("localhost");
    const { ethers } = chain.net;
    const deployer = await ethers.deployContract("Create3Deployer", [WALLET.address]);
    const salt = ethers.id("any");
    const address = await deployer.getFunction("addressOf")(salt);
    expect(create3Address(await deployer.getAddress(), salt)).to.equal(address);
    expect(CREATE3_DEPLOYER.creationCode).to.match(/^0x60/);
    await chain.close();
  });
});
