import type { Provider, Signer, TransactionReceipt } from "ethers";
import { formatEther, isError, keccak256 } from "ethers";

import { decodeRevert, revertDataOf } from "../contracts/decodeRevert.ts";
import type { DeploymentRecord, UnfinishedRecord } from "../contracts/deploymentRecord.ts";
import { deploymentRecordSchema } from "../contracts/deploymentRecord.ts";
import { queryInSpans } from "../contracts/queryInSpans.ts";
import { saysNoMoney } from "../contracts/saysNoMoney.ts";
import { TransactionError, TransactionSender } from "../contracts/transactionSender.ts";
import type { Clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { contractAddresses, contractSalt } from "./contractAddresses.ts";
import { PROXY } from "./create3.ts";
import { DeploymentError } from "./errors.ts";
import type { Plan, PlanOptions } from "./plan.ts";
import { asking, planDeployment } from "./plan.ts";
import type { RecordStore } from "./recordStore.ts";
import { deploymentStatus } from "./status.ts";
import type { Deployment, Stage, Step } from "./steps.ts";
import { STAGES } from "./steps.ts";
import { CREATE3_DEPLOYER_INTERFACE } from "./suite.ts";
import { isWrong, problemOf } from "./verifyDeployment.ts";

export interface ApplyOptions extends Omit<PlanOptions, "chain"> {
  provider: Provider;
  /** The deploying account, which has to be the one that the parameters name. */
  signer: Pick<Signer, "getAddress" | "signTransaction">;
  store: RecordStore;
  /** What is deployed, for the record. */
  gitCommit: string;
  /** The plan that was reviewed; nothing is sent for another one. */
  digest?: string;
  clock: Clock;
  log: Log;
  /** What is being done, in words. */
  onProgress?: (words: string) => void;
  pollingMs?: number;
  /** How long one transaction, or the finality of one stage, is waited for. */
  patienceMs?: number;
}

const POLLING_MS = 2_000;
const PATIENCE_MS = 45 * 60_000;
/** How often a stage that a reorganisation undid is done again. */
const MOST_ROUNDS = 3;

/**
 * Does what is left of a deployment, stage by stage, and proves the result. What the chain shows done is not done again,
 * so it may be stopped anywhere and run again with the same parameters; the record is written after each step.
 *
 * @returns the finished record
 */
export async function applyDeployment(options: ApplyOptions): Promise<DeploymentRecord> {
  return asking(() => new Application(options).run());
}

class Application {
  readonly #options: ApplyOptions;
  readonly #sender: TransactionSender;
  /** What a stage waits for: the last block that can hold something of this deployment. */
  #lastBlock = 0;

  constructor(options: ApplyOptions) {
    this.#options = options;
    const { signer, provider, clock, log, pollingMs = POLLING_MS } = options;
    this.#sender = new TransactionSender({ signer, provider, clock, log, pollingMs, bumpAfterMs: 60_000 });
  }

  async run(): Promise<DeploymentRecord> {
    const { network, provider, artifacts, store } = this.#options;
    const plan = await planDeployment({ network, artifacts, chain: provider });
    await this.#requireReviewed(plan);
    const record = (await this.#resumed(plan)) ?? (await this.#begin(plan));
    // An earlier run may have ended before what it sent was final.
    if (!record.provenance.isComplete) this.#lastBlock = await provider.getBlockNumber();
    if (plan.steps.some(({ isDone }) => !isDone)) {
      await this.#settlePending();
      requireMoney(plan);
    }
    for (const stage of STAGES) await this.#reach(stage, plan.deployment, record);
    return this.#prove(record, store);
  }

  async #requireReviewed({ deployment: { network }, digest }: Plan): Promise<void> {
    const account = await this.#options.signer.getAddress();
    const { deployer } = network.chain;
    if (account !== deployer) {
      const problem = `the key is of ${account}, ${network.network} is deployed by ${deployer}: every address derives from it`;
      throw new DeploymentError("wrong_account", `${problem}. Use that account's key`);
    }
    const { digest: reviewed } = this.#options;
    if (reviewed !== undefined && reviewed !== digest) {
      throw new DeploymentError("other_plan", `the plan is ${digest}, reviewed was ${reviewed}: review it again`);
    }
  }

  async #resumed({ deployment, steps }: Plan): Promise<UnfinishedRecord | undefined> {
    const record = this.#requireOwnRecord(deployment);
    // Of a chain that began anew, such as the local one, nothing in it is true.
    const isBegun = steps.some(({ step, isDone }) => step.address === deployment.suite.deployer && isDone);
    if (!record || !isBegun) return undefined;
    if (steps.some(({ isDone }) => !isDone)) record.provenance.isComplete = false;
    return record;
  }

  #requireOwnRecord({ network, suite }: Deployment): UnfinishedRecord | undefined {
    const record = this.#options.store.read();
    if (!record) return undefined;
    const wrong = (problem: string) =>
      new DeploymentError("wrong_record", `the record is of ${problem}: move it away, or deploy what it is of`);
    const { chainId, provenance } = record;
    if (provenance.network !== network.network || chainId !== network.chain.chainId)
      throw wrong(`${provenance.network} on chain ${chainId}, not of ${network.network} on ${network.chain.chainId}`);
    if (record.deployer !== suite.deployer) throw wrong(`another suite or deploying account (${record.deployer})`);
    if (provenance.parametersHash !== network.hash) throw wrong("other parameters, with which it was begun");
    return record;
  }

  /** Written before anything is sent: no event of the deployment can be older. */
  async #begin({ deployment: { network, suite, token } }: Plan): Promise<UnfinishedRecord> {
    const { provider, store, gitCommit } = this.#options;
    const head = await provider.getBlockNumber();
    const record = {
      chainId: network.chain.chainId,
      deploymentBlock: await firstBlockWithCode(provider, suite.deployer, head),
      token,
      deployer: suite.deployer,
      contracts: {},
      provenance: {
        network: network.network,
        suite: network.chain.suite,
        deployedBy: network.chain.deployer,
        parametersHash: network.hash,
        gitCommit,
        isComplete: false,
      },
    } as UnfinishedRecord;
    store.write(record);
    return record;
  }

  /** What an earlier run sent may still be on its way: sending it again would cost twice. */
  async #settlePending(): Promise<void> {
    const { provider, network, onProgress } = this.#options;
    const account = network.chain.deployer;
    const count = (tag: string) => provider.getTransactionCount(account, tag);
    await this.#until(async () => {
      const [mined, sent] = [await count("latest"), await count("pending")];
      if (mined >= sent) return true;
      onProgress?.(`waiting for ${sent - mined} transactions of ${account} that are on their way`);
      return false;
    }, `transactions of ${account} that were sent before are not mined`);
  }

  async #reach(stage: Stage, { network, steps }: Deployment, record: UnfinishedRecord): Promise<void> {
    const { provider, onProgress } = this.#options;
    const ofStage = steps.filter((step) => step.stage === stage);
    for (let round = 1; round <= MOST_ROUNDS; round++) {
      let hasSent = false;
      for (const step of ofStage) {
        let receipt: TransactionReceipt | undefined;
        if (!(await step.isDone(provider))) {
          onProgress?.(`${step.id}: ${step.words}`);
          receipt = await this.#perform(step);
          hasSent = true;
        }
        await this.#note(step, record, receipt);
      }
      if (!hasSent && round > 1) return;
      await this.#waitForFinality(network.chain.finality, stage);
      if (!hasSent) return;
    }
    const problem = `stage ${stage} was undone ${MOST_ROUNDS} times by reorganisations: run it again when the chain is calm`;
    throw new DeploymentError("reorganised", problem, { isRetryable: true });
  }

  async #perform(step: Step): Promise<TransactionReceipt | undefined> {
    const { provider, clock, patienceMs = PATIENCE_MS } = this.#options;
    if ("raw" in step.call) {
      await this.#broadcastProxy(step.call.raw);
      return undefined;
    }
    const patience = new AbortController();
    const late = new DeploymentError("not_mined", `${step.id} was not mined in time: run it again, it continues`, {
      isRetryable: true,
    });
    const stop = new AbortController();
    clock.sleep(patienceMs, stop.signal).then(
      () => patience.abort(late),
      () => {},
    );
    try {
      const receipt = await this.#sender.send(step.call, patience.signal);
      // Another program with the same key may have been first: what counts is what the chain shows.
      this.#lastBlock = receipt.blockNumber;
      if (receipt.status === 1 || (await step.isDone(provider))) return receipt;
      throw new DeploymentError("reverted", `${step.id} reverted in ${receipt.hash}: look at it, and run it again`);
    } catch (error) {
      throw await this.#named(step, error);
    } finally {
      stop.abort();
    }
  }

  async #named(step: Step, error: unknown): Promise<unknown> {
    if (error instanceof DeploymentError) return error;
    const account = this.#options.network.chain.deployer;
    if (saysNoMoney(error) || (error instanceof TransactionError && error.code === "no_gas_money")) {
      const problem = `${account} has no money left for ${step.id}: send it some and run it again, it continues`;
      return new DeploymentError("no_gas_money", problem, { cause: error, isRetryable: true });
    }
    if (revertDataOf(error) === undefined && !isError(error, "CALL_EXCEPTION")) return error;
    const reason = decodeRevert(error)?.name ?? (error as Error).message;
    return new DeploymentError("reverted", `${step.id} would revert: ${reason}. Nothing was sent for it`, {
      cause: error,
    });
  }

  async #broadcastProxy(raw: string): Promise<void> {
    const { provider } = this.#options;
    const isThere = async () => (await provider.getCode(PROXY.address)) === PROXY.code;
    try {
      await provider.broadcastTransaction(raw);
    } catch (cause) {
      // Somebody else's broadcast of the same bytes does as well.
      if (isError(cause, "NONCE_EXPIRED") || (await isThere())) return;
      const problem = `the chain takes no transaction without a chain id (${(cause as Error).message})`;
      throw new DeploymentError("chain_lacks", `${problem}: ask its operators for the proxy at ${PROXY.address}`, {
        cause,
      });
    }
    await this.#until(isThere, "the deterministic proxy is not mined; its gas price is fixed at 100 gwei");
    this.#lastBlock = await provider.getBlockNumber();
  }

  /** Keeps where a contract is, once. */
  async #note({ key }: Step, record: UnfinishedRecord, receipt?: TransactionReceipt): Promise<void> {
    const { provider, store } = this.#options;
    if (!key || (record.contracts[key] && !receipt)) return;
    const deployed = receipt
      ? { block: receipt.blockNumber, transaction: receipt.hash }
      : await deployedAt(provider, record, contractSalt(key));
    const { [key]: address } = contractAddresses(record.deployer, [key]);
    const codeHash = keccak256(await provider.getCode(address));
    record.contracts[key] = { address, codeHash, ...deployed } as NonNullable<(typeof record.contracts)[typeof key]>;
    store.write(record);
  }

  async #waitForFinality(finality: Deployment["network"]["chain"]["finality"], stage: Stage): Promise<void> {
    const { provider, onProgress } = this.#options;
    const last = this.#lastBlock;
    if (last === 0) return;
    const words =
      "tag" in finality ? `the chain calls block ${last} ${finality.tag}` : `${finality.confirmations} blocks`;
    onProgress?.(`${stage} is done; waiting until ${words}`);
    await this.#until(async () => {
      if ("confirmations" in finality) return (await provider.getBlockNumber()) >= last + finality.confirmations;
      return ((await provider.getBlock(finality.tag))?.number ?? -1) >= last;
    }, `stage ${stage} is not final`);
  }

  async #until(isReached: () => Promise<boolean>, problem: string): Promise<void> {
    const { clock, pollingMs = POLLING_MS, patienceMs = PATIENCE_MS } = this.#options;
    const end = clock.now() + patienceMs;
    while (!(await isReached())) {
      if (clock.now() >= end) {
        const minutes = Math.round(patienceMs / 60_000);
        throw new DeploymentError("not_mined", `${problem} after ${minutes} minutes: run it again, it continues`, {
          isRetryable: true,
        });
      }
      await clock.sleep(pollingMs, new AbortController().signal);
    }
  }

  async #prove(unfinished: UnfinishedRecord, store: RecordStore): Promise<DeploymentRecord> {
    const { provider, network } = this.#options;
    const proved = { ...unfinished, provenance: { ...unfinished.provenance, isComplete: true } };
    const record = deploymentRecordSchema.parse(proved);
    const wrong = (await deploymentStatus(record, provider, network)).checks.filter(isWrong).map(problemOf);
    if (wrong.length > 0) {
      const problem = `everything is deployed, but not everything is right:\n- ${wrong.join("\n- ")}`;
      throw new DeploymentError("not_proved", problem);
    }
    store.write({ ...record, provenance: proved.provenance });
    return record;
  }
}

function requireMoney({ balanceWei, neededWei, deployment: { network } }: Plan): void {
  if (balanceWei >= neededWei) return;
  const problem = `${network.chain.deployer} has ${formatEther(balanceWei)}, and needs ${formatEther(neededWei)} for gas`;
  throw new DeploymentError("no_gas_money", `${problem}: send it the difference and run it again`, {
    isRetryable: true,
  });
}

/** Where the Create3Deployer says that it deployed a salt, which an earlier run did not live to write down. */
async function deployedAt(provider: Provider, { deployer, deploymentBlock }: UnfinishedRecord, salt: string) {
  const topics = [CREATE3_DEPLOYER_INTERFACE.getEvent("ContractDeployed")!.topicHash, salt];
  const query = (fromBlock: number, toBlock: number) => {
    return provider.getLogs({ address: deployer, topics, fromBlock, toBlock });
  };
  const [log] = await queryInSpans(query, deploymentBlock, await provider.getBlockNumber());
  return log && { block: log.blockNumber, transaction: log.transactionHash };
}

/** The block that a contract came with; the head's when there is none yet. For a record that was lost. */
async function firstBlockWithCode(provider: Provider, address: string, head: number): Promise<number> {
  if ((await provider.getCode(address, head)) === "0x") return head;
  let [low, high] = [0, head];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const code = await provider.getCode(address, middle).catch((cause: unknown) => {
      const problem = `no record is there, and the endpoint does not know block ${middle}: restore the record, or use an archive`;
      throw new DeploymentError("wrong_record", `${problem} endpoint`, { cause });
    });
    if (code === "0x") low = middle + 1;
    else high = middle;
  }
  return low;
}
