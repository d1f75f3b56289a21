import { expect } from "chai";

import { DeploymentError } from "../../src/deployment/errors.ts";
import {
  FILL_IN,
  NETWORKS,
  parseNetworkParameters,
  readNetworkParameters,
} from "../../src/deployment/networkParameters.ts";
import { HOLDERS, KEYHOLDER, NAMES, filledParameters, reviewedFiles } from "./support.ts";

/** Circle's USDC, from its list of contract addresses; see docs/deployment.md. */
const USDC = {
  sepolia: "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
  baseSepolia: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
  base: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  mainnet: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
};

describe("network parameters", () => {
  it("are there for every network that deploy knows", () => {
    expect(NAMES).to.have.members([...NETWORKS]);
    expect(readNetworkParameters("localhost").chain.feeToken).to.equal("test");
  });

  for (const name of ["sepolia", "baseSepolia", "base", "mainnet"] as const) {
    it(`${name} is refused until a reviewer fills in who deploys, who guards and who holds the token`, () => {
      let error: unknown;
      try {
        readNetworkParameters(name);
      } catch (caught) {
        error = caught;
      }
      expect(error).to.be.instanceOf(DeploymentError);
      expect(error).to.include({ code: "not_filled_in" });
      const { message } = error as Error;
      for (const open of ["chain.deployer", "guardianKeyholder", "allocations"]) expect(message).to.include(open);
      expect(message).to.include("docs/deployment.md");
    });

    it(`${name} takes fees in Circle's USDC, waits for a tag of the chain and admits nodes by vote at first`, () => {
      const { chain, parameters } = filledParameters(name);
      expect(chain.feeToken).to.deep.equal({ address: USDC[name], decimals: 6, symbol: "USDC" });
      expect(chain.finality).to.have.property("tag");
      expect(parameters.admission).to.equal("approved");
    });
  }

  it("have the defaults of the protocol on every network", () => {
    for (const name of NAMES) {
      const { parameters } = filledParameters(name);
      expect(parameters, name).to.include({
        withdrawalDelaySeconds: 72 * 3_600,
        stampHoldSeconds: 10 * 86_400,
        treasuryBps: 1_000,
        settlerBountyBps: 50,
        settlerBountyCapAmount: 20_000n,
        minimumDepositAmount: 1_000_000n,
        minimumStakeAmount: 10_000n * 10n ** 18n,
        unbondingSeconds: 14 * 86_400,
        maxSeats: 24,
        vetoWindowSeconds: 86_400,
        appealSeconds: 7 * 86_400,
        votingDelaySeconds: 86_400,
        votingPeriodSeconds: 5 * 86_400,
        quorumPercent: 4,
        timelockDelaySeconds: 2 * 86_400,
      });
    }
  });

  it("hash the same however they are spelled, and differently when a value changes", () => {
    const { parameters } = reviewedFiles("base");
    const chain = { ...(parameters.chain as object), deployer: HOLDERS[0] };
    const filled = { ...parameters, chain, guardianKeyholder: KEYHOLDER };
    const genesis = { allocations: [{ holder: HOLDERS[0], amount: "1" }] };
    const { hash } = parseNetworkParameters("base", filled, genesis);
    const reordered = Object.fromEntries(
      Object.entries({ ...filled, guardianKeyholder: KEYHOLDER.toLowerCase() }).toReversed(),
    );
    expect(parseNetworkParameters("base", reordered, genesis).hash).to.equal(hash);
    expect(parseNetworkParameters("base", { ...filled, maxSeats: 23 }, genesis).hash).not.to.equal(hash);
  });

  it("refuse a test token elsewhere, a placeholder holder, an unknown field and an unknown network", () => {
    const code = (attempt: () => unknown) => {
      try {
        attempt();
      } catch (error) {
        return (error as DeploymentError).code;
      }
      return undefined;
    };
    const { parameters } = reviewedFiles("localhost");
    const parse = (genesis: unknown) => () => parseNetworkParameters("localhost", parameters, genesis);
    expect(code(() => filledParameters("base", {}, { feeToken: "test" }))).to.equal("bad_parameters");
    expect(code(() => filledParameters("base", { maxSeat: 1 }))).to.equal("bad_parameters");
    expect(code(parse({ allocations: [{ holder: "deployer", amount: "1" }] }))).to.equal("bad_parameters");
    expect(code(parse({ allocations: FILL_IN }))).to.equal("not_filled_in");
    expect(code(() => readNetworkParameters("nowhere"))).to.equal("bad_parameters");
  });
});
