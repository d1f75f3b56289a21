import { expect } from "chai";
import type { FunctionFragment, ParamType } from "ethers";
import { Interface, ZeroAddress, ZeroHash, id } from "ethers";

import { readArtifact } from "../../src/deployment/readArtifact.ts";
import type { ContractKey } from "../../src/contracts/abis.ts";
import { abis } from "../../src/contracts/abis.ts";
import type { World } from "./fixtures.ts";
import { deployedWorld } from "./fixtures.ts";
import type { Holder } from "./privileged.ts";
import { ANYONE, PRIVILEGES } from "./privileged.ts";

type Name = ContractKey | "create3Deployer";

const INTERFACES: Record<Name, Interface> = {
  create3Deployer: new Interface(readArtifact("contracts/deployment/Create3Deployer.sol").abi),
  ...(Object.fromEntries(Object.entries(abis).map(([key, abi]) => [key, new Interface(abi)])) as Record<
    ContractKey,
    Interface
  >),
};
const NAMES = Object.keys(INTERFACES) as Name[];
const KEYS = Object.keys(abis) as ContractKey[];

/** Every function that changes something, overloads apart. */
function writesOf(name: Name): FunctionFragment[] {
  return INTERFACES[name].fragments.filter(
    (fragment): fragment is FunctionFragment =>
      fragment.type === "function" && !(fragment as FunctionFragment).constant,
  );
}

/** Zero of a type. */
function zeroOf(type: ParamType): unknown {
  if (type.baseType === "array") return [];
  if (type.baseType === "tuple") return type.components!.map(zeroOf);
  if (type.baseType === "address") return ZeroAddress;
  if (type.baseType === "string") return "";
  if (type.baseType === "bool") return false;
  if (type.baseType === "bytes") return "0x";
  if (type.baseType.startsWith("bytes")) return `0x${"00".repeat(Number(type.baseType.slice(5)))}`;
  return 0;
}

/** Any error that our contracts have. */
function nameOf(data: string): string {
  for (const name of NAMES) {
    const error = INTERFACES[name].parseError(data);
    if (error) return error.name;
  }
  return data;
}

describe("I16: every function that changes something", () => {
  let world: World;
  /** Where each contract is, and the accounts. */
  let places: Record<string, string>;
  before(async () => {
    // The keyholder is nobody's account but the settler's.
    world = await deployedWorld();
    const { deployer, stranger, operator, funder } = world;
    const contracts = Object.fromEntries(KEYS.map((key) => [key, world.record.contracts[key].address]));
    await world.guardian.connect(world.governance).appoint(world.settler);
    places = {
      ...contracts,
      ...{ create3Deployer: world.record.deployer, keyholder: world.settler.address },
      ...{ deployer: deployer.address, stranger: stranger.address, operator: operator.address, funder: funder.address },
    };
  });
  after(() => world.net.close());

  /** What a call answers: the name of its error, or `done`. */
  async function answer(from: string, to: Name, fragment: FunctionFragment, args?: unknown[]): Promise<string> {
    const values = args ?? fragment.inputs.map(zeroOf);
    const data = INTERFACES[to].encodeFunctionData(fragment, values);
    try {
      await world.ethers.provider.call({ from: places[from]!, to: places[to]!, data });
      return "done";
    } catch (error) {
      const found = /0x[0-9a-f]{8,}/.exec((error as { data?: string }).data ?? String(error));
      return found ? nameOf(found[0]) : String((error as Error).message);
    }
  }

  it("is in the table, and the table has no other", () => {
    for (const name of NAMES) {
      const functions = [...new Set(writesOf(name).map((fragment) => fragment.name))].sort();
      expect(Object.keys(PRIVILEGES[name]).sort(), name).to.deep.equal(functions);
    }
  });

  for (const name of NAMES) {
    const privileged = writesOf(name).filter((fragment) => PRIVILEGES[name][fragment.name] !== ANYONE);
    if (privileged.length === 0) continue;
    it(`${name}: what is privileged refuses everyone but its holder: ${privileged.length} functions`, async () => {
      for (const fragment of privileged) {
        const access = PRIVILEGES[name][fragment.name]!;
        if (access === ANYONE) continue;
        const args = access.args?.((key) => places[key]!);
        for (const from of Object.keys(places)) {
          const got = await answer(from, name, fragment, args);
          const what = `${name}.${fragment.name} from ${from}`;
          if (from === (access.holder satisfies Holder)) expect(got, what).not.to.equal(access.error);
          else expect(got, what).to.equal(access.error);
        }
      }
    });
  }

  it("guardian: its powers are the keyholder's, and nobody else's", async () => {
    for (const fragment of writesOf("guardian").filter(({ name }) => name !== "appoint")) {
      for (const from of Object.keys(places)) {
        const got = await answer(from, "guardian", fragment);
        if (from === "keyholder") expect(got, fragment.name).not.to.equal("GuardianNotKeyholder");
        else expect(got, `${fragment.name} from ${from}`).to.equal("GuardianNotKeyholder");
      }
    }
  });

  it("what the AccessManager lets one schedule, cancel or consume for oneself is nothing", async () => {
    const { accessManager, postageChannels, stranger, deployer, pauser } = world;
    const target = await postageChannels.getAddress();
    const data = postageChannels.interface.encodeFunctionData("setMinimumDeposit", [1n]);
    for (const account of [stranger, deployer, pauser]) {
      const manager = accessManager.connect(account);
      for (const attempt of [
        () => manager.schedule(target, data, 0),
        () => manager.execute(target, data),
        () => manager.multicall([accessManager.interface.encodeFunctionData("execute", [target, data])]),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(accessManager, "AccessManagerUnauthorizedCall");
      }
      await expect(manager.cancel(account, target, data)).to.be.revertedWithCustomError(
        accessManager,
        "AccessManagerNotScheduled",
      );
      await expect(manager.consumeScheduledOp(account, data)).to.revert(world.ethers);
    }
  });

  it("the deploying account has no role and owns nothing", async () => {
    const { accessManager, timelock, deployer } = world;
    for (const role of [0n, 1n]) expect((await accessManager.hasRole(role, deployer))[0]).to.equal(false);
    const names = ["PROPOSER_ROLE", "CANCELLER_ROLE", "EXECUTOR_ROLE"];
    for (const role of [ZeroHash, ...names.map(id)]) expect(await timelock.hasRole(role, deployer)).to.equal(false);
    const create3 = new world.ethers.Contract(world.record.deployer, INTERFACES.create3Deployer, world.ethers.provider);
    expect(await create3.getFunction("owner")()).to.equal(await timelock.getAddress());
  });
});
