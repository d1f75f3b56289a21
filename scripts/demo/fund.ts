import type { JsonRpcProvider } from "ethers";

import { parseAddress } from "../../src/commands/core/input.ts";
import { connectContracts } from "../../src/contracts/connectContracts.ts";
import { connectRpc } from "../../src/contracts/connectRpc.ts";
import type { DeploymentRecord } from "../../src/contracts/deploymentRecord.ts";
import { loadDeployment } from "../../src/contracts/loadDeployment.ts";
import { readKeyFile } from "../../src/platform/keyFile.ts";
import type { Address } from "../../src/protocol/bytes.ts";
import { addressOf } from "../../src/protocol/ecdsa.ts";
import { tokenOf } from "../local/localApp.ts";
import { LOCAL_CHAIN_ID, localWallet } from "../local/localChain.ts";

/** Has all PENNY of a local network, and sends nothing once the network is up. */
const DEPLOYER = 0;
const USD = 100n;
const ETHER = 10n;
const PENNY = 20_000n;
const WEI = 10n ** 18n;
const POLLING_MS = 100;

const WHERE = "`npm run demo -- --keep` leaves a local chain running, and prints what to set";

/**
 * Gives accounts what a channel, a gateway and a node need, on a local chain that is running. Test money is worth nothing, and is
 * there alone. Throws an Error that says what to do.
 *
 * @param accounts addresses, or files of keys
 */
export async function fund(
  accounts: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const addresses = accounts.map(addressIn);
  const { PENNYBLACK_DEPLOYMENT: deployment, PENNYBLACK_RPC_URL: url } = environment;
  if (!deployment || !url) throw new Error(`set PENNYBLACK_DEPLOYMENT and PENNYBLACK_RPC_URL: ${WHERE}`);
  const record = loadDeployment(deployment);
  const provider = connectRpc({ url, chainId: record.chainId, pollingMs: POLLING_MS });
  try {
    await requireLocal(record, provider, url);
    for (const address of addresses) {
      await give(record, provider, address);
      console.log(`${address} got ${USD} USD, ${ETHER} ETH and ${PENNY} PENNY of test money`);
    }
  } finally {
    provider.destroy();
  }
}

function addressIn(account: string): Address {
  return account.startsWith("0x") ? parseAddress(account) : addressOf(readKeyFile(account));
}

async function requireLocal(record: DeploymentRecord, provider: JsonRpcProvider, url: string): Promise<void> {
  const chainId = await provider.send("eth_chainId", []).then(Number, (cause: unknown) => {
    throw new Error(`no chain answers at ${url}: ${WHERE}`, { cause });
  });
  if (chainId === LOCAL_CHAIN_ID && record.chainId === LOCAL_CHAIN_ID) return;
  const problem = `the endpoint is of chain ${chainId}, the deployment on chain ${record.chainId}`;
  throw new Error(`${problem}: test money is on the local chain ${LOCAL_CHAIN_ID} alone. ${WHERE}`);
}

async function give(record: DeploymentRecord, provider: JsonRpcProvider, to: Address): Promise<void> {
  const giver = localWallet(DEPLOYER).connect(provider);
  const token = tokenOf(record, provider).connect(giver);
  const { postageToken } = connectContracts(record, giver);
  for (const send of [
    () => giver.sendTransaction({ to, value: ETHER * WEI }),
    () => token.getFunction("mint").send(to, USD * 1_000_000n),
    () => postageToken.transfer(to, PENNY * WEI),
  ]) {
    await (await send()).wait();
  }
}
