import { Interface } from "ethers";

import type { ContractKey } from "../contracts/abis.ts";
import { abis } from "../contracts/abis.ts";
import { CREATE3_DEPLOYER_INTERFACE } from "./suite.ts";

/** AccessManager's own admin role. */
export const ADMIN_ROLE = 0n;
/** May close and open entries, and nothing else. */
export const PAUSER_ROLE = 1n;

/** What PAUSER_ROLE may call. */
export const PAUSER_FUNCTIONS = ["pauseEntries", "resumeEntries"] as const;

/** The contracts that have entries to close, which their ABIs say. */
export const PAUSABLE_KEYS = (Object.keys(abis) as ContractKey[]).filter((key) => {
  const iface = new Interface(abis[key]);
  // The guardian's own take the contract they close.
  return iface.hasFunction("pauseEntries(uint32)") && iface.hasFunction("resumeEntries()");
});

interface Call {
  to: string;
  data: string;
}

/**
 * Hands a deployed network over to its governance: the guardian may pause entries, the Timelock is the AccessManager's
 * admin and may fill what is still empty, the deploying account has no role any more and owns nothing. One call for all
 * roles, so that none is handed over without the others, and one for the Create3Deployer.
 *
 * @param signer the deploying account, admin until now
 */
export function handOverCalls(
  contracts: Record<ContractKey, string>,
  deployer: string,
  signer: string,
): { roles: Call; deployer: Call } {
  const manager = new Interface(abis.accessManager);
  const encode = (name: string, ...args: unknown[]) => manager.encodeFunctionData(name, args);
  const steps = [
    encode("labelRole", PAUSER_ROLE, "PAUSER"),
    ...PAUSABLE_KEYS.map((key) => {
      const iface = new Interface(abis[key]);
      const selectors = PAUSER_FUNCTIONS.map((name) => iface.getFunction(name)!.selector);
      return encode("setTargetFunctionRole", contracts[key], selectors, PAUSER_ROLE);
    }),
    encode("grantRole", PAUSER_ROLE, contracts.guardian, 0),
    encode("grantRole", ADMIN_ROLE, contracts.timelock, 0),
    encode("renounceRole", ADMIN_ROLE, signer),
  ];
  return {
    roles: { to: contracts.accessManager, data: encode("multicall", steps) },
    deployer: { to: deployer, data: CREATE3_DEPLOYER_INTERFACE.encodeFunctionData("handOver", [contracts.timelock]) },
  };
}
