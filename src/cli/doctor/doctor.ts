import { connectContext } from "../../commands/core/context.ts";
import { readNodeState } from "../../commands/operator/show.ts";
import type { DeploymentRecord } from "../../contracts/deploymentRecord.ts";
import { loadDeployment } from "../../contracts/loadDeployment.ts";
import type { ConnectedEndpoints } from "../../contracts/rpc/connectEndpoints.ts";
import { connectEndpoints } from "../../contracts/rpc/connectEndpoints.ts";
import { connectUpstream } from "../../daemon/adapters/grpcUpstream.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Address } from "../../protocol/bytes.ts";
import type { OperatorConfig } from "../config/operatorConfig.ts";
import { readOperatorConfig } from "../config/operatorConfig.ts";
import type { Environment } from "../config/readSettings.ts";
import { checkAddress, checkClock, checkContracts, checkEndpoints, checkGas } from "./chainChecks.ts";
import type { Finding } from "./finding.ts";
import { examine, ok, skipped } from "./finding.ts";
import type { KeyName } from "./machineChecks.ts";
import { checkAttestationKey, checkDisk, checkKey, checkRunning, checkStockNode, keysOf } from "./machineChecks.ts";
import type { NodeState } from "./nodeChecks.ts";
import { checkRegistration, checkSeat, checkStake } from "./nodeChecks.ts";
import { checkLedger, checkNodeDatabase } from "./storeChecks.ts";

const OF_CHAIN = ["contracts", "clock", "registration", "seat", "stake", "address", "gas"];

/** Looks at everything that a node needs, in the order in which it is to be mended. Changes nothing. */
export async function examineAll(file: string, environment: Environment, clock: Clock): Promise<Finding[]> {
  let operator: OperatorConfig | undefined;
  const settings = await examine("settings", `correct ${file}`, () => {
    operator = readOperatorConfig(file, environment);
    return ok(`${file} is of a ${operator.kind === "node" ? "node" : "daemon beside a stock node"}`);
  });
  if (!operator) return [settings];
  const known = operator;
  let record: DeploymentRecord | undefined;
  const network = await examine("network", "name the network's record with `deployment`", () => {
    record = loadDeployment(known.config.deployment);
    return ok(`chain ${record.chainId}, from block ${record.deploymentBlock}`);
  });
  const addresses = new Map<KeyName, Address>();
  const keys: Finding[] = [];
  for (const [name, source] of keysOf(known)) {
    const look = () => checkKey(source, (address) => addresses.set(name, address));
    keys.push(await examine(`${name} key`, "name the key's file, see that its password is there", look));
  }
  const attests = () => checkAttestationKey(known.config.attestationKey);
  keys.push(await examine("attestation key", "name the key's file, see that its password is there", attests));
  const onChain = record
    ? await examineChain(known, record, addresses, clock)
    : ["endpoints", ...OF_CHAIN, "ledger"].map((check) => skipped(check, "network"));
  return [settings, network, ...keys, ...onChain, ...(await examineMachine(known))];
}

async function examineChain(
  operator: OperatorConfig,
  record: DeploymentRecord,
  addresses: ReadonlyMap<KeyName, Address>,
  clock: Clock,
): Promise<Finding[]> {
  const { config } = operator;
  const rpc = connectEndpoints({ urls: config.rpcUrls, chainId: record.chainId, clock, pollingMs: 1_000 });
  const domain = `${record.chainId}:${record.contracts.postageChannels.address.toLowerCase()}`;
  try {
    const endpoints = await examine("endpoints", "correct rpcUrls", () =>
      checkEndpoints(rpc.single, config.staleHeadMs, clock),
    );
    const ledger = await examine("ledger", "mend the disk or the database", () => checkLedger(operator, domain));
    const rest =
      endpoints.state === "fail"
        ? OF_CHAIN.map((check) => skipped(check, "endpoints"))
        : await examineNode(operator, record, rpc, addresses, clock);
    return [endpoints, ...rest, ledger];
  } finally {
    rpc.destroy();
  }
}

async function examineNode(
  operator: OperatorConfig,
  record: DeploymentRecord,
  rpc: ConnectedEndpoints,
  addresses: ReadonlyMap<KeyName, Address>,
  clock: Clock,
): Promise<Finding[]> {
  const { nodeId } = operator.config;
  const again = "try again; see the endpoints";
  const findings = [
    await examine("contracts", again, () => checkContracts(record, rpc)),
    await examine("clock", again, () => checkClock(rpc, clock)),
  ];
  let state: NodeState | undefined;
  findings.push(
    await examine("registration", "see nodeId, and that `deployment` is of this network", async () => {
      state = await readNodeState(await connectContext({ record, provider: rpc.provider, clock }), nodeId);
      return checkRegistration(state, addresses.get("signing"));
    }),
  );
  if (!state) findings.push(...["seat", "stake", "address"].map((check) => skipped(check, "registration")));
  else {
    const { httpAddress } = state;
    const node = state;
    findings.push(await examine("seat", again, () => checkSeat(nodeId, node)));
    findings.push(await examine("stake", again, () => checkStake(nodeId, node)));
    findings.push(await examine("address", again, () => checkAddress(httpAddress)));
  }
  for (const name of ["settlement", "deadline"] as const) {
    const account = addresses.get(name);
    const check = name === "settlement" ? "gas" : "gas for deadlines";
    if (account) findings.push(await examine(check, again, () => checkGas(account, rpc, operator)));
    else if (name === "settlement") findings.push(skipped(check, "settlement key"));
  }
  return findings;
}

async function examineMachine(operator: OperatorConfig): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (operator.kind === "node") {
    const fix = "bring the newest node.sqlite back";
    findings.push(await examine("node database", fix, () => checkNodeDatabase(operator)));
  } else {
    const { upstream: address } = operator.config;
    const upstream = connectUpstream(address);
    const query = (signal: AbortSignal) =>
      upstream.query({ lastSeen: new Map(), limit: 1, originatorIds: [100] }, signal);
    findings.push(await examine("stock node", "start it", () => checkStockNode(address.url, query)));
    upstream.close();
  }
  findings.push(await examine("disk", "make dataDirectory", () => checkDisk(operator)));
  findings.push(await examine("running", "start it", () => checkRunning(operator)));
  return findings;
}
