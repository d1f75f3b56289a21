import type { JsonRpcProvider } from "ethers";
import { Wallet } from "ethers";

import { connectContracts } from "../contracts/connectContracts.ts";
import { connectRpc } from "../contracts/connectRpc.ts";
import { postageDomain, reportsDomain } from "../contracts/domains.ts";
import { ProposalBook } from "../contracts/proposals.ts";
import type { DeploymentRecord } from "../contracts/deploymentRecord.ts";
import { systemClock as clock } from "../platform/clock.ts";
import type { Log } from "../platform/log.ts";
import { createLog } from "../platform/log.ts";
import { readStorage } from "../platform/storage.ts";
import { toHex } from "../protocol/bytes.ts";
import { addressOf } from "../protocol/ecdsa.ts";
import { ethersChain } from "./adapters/ethersChain.ts";
import { ethersReportsChain } from "./adapters/ethersReportsChain.ts";
import { connectGrpcNode } from "./adapters/grpcNode.ts";
import { httpReportServers } from "./adapters/httpReportServers.ts";
import { httpStampDaemons } from "./adapters/httpStampDaemons.ts";
import { STORE_FILE, openGatewayStore } from "./adapters/openStore.ts";
import { ChannelAccount } from "./account/channelAccount.ts";
import type { Budgets } from "./channel/budgetBook.ts";
import type { Gateway, GatewayOptions } from "./gateway.ts";
import { startGateway } from "./gateway.ts";
import type { LowBalance } from "./funds/balanceAlarm.ts";
import type { OnGatewayEvent } from "./funds/events.ts";
import type { TopUpTerms } from "./funds/topUp.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Authenticate, RateLimits } from "./server/callers.ts";
import type { NodeChoice } from "./nodes/nodeOrder.ts";
import type { HandedWaiver } from "./publish/waiverBook.ts";

/** Five cents: a channel that spends little signs anew every ten thousand messages or so. */
const HEADROOM = 50_000n;
const CHAIN_POLL_MS = 1_000;

export interface OpenGatewayOptions {
  /** What `loadDeployment` reads. */
  deployment: DeploymentRecord;
  rpcUrl: string;
  /** 32 bytes; its address is the channel. One gateway per key, or several on one `databaseUrl`. */
  postageKey: Uint8Array;
  /** 32 bytes: the key that pays gas for commits and identity updates, of an account that does nothing else: one per gateway. */
  transactionKey: Uint8Array;
  /** Keeps the channel's running total, where no `databaseUrl` is named. Losing it loses no money. */
  dataDirectory?: string;
  /** `postgres://`: keeps it for several gateways with the same postage key, and the same settings. */
  databaseUrl?: string;
  /** 127.0.0.1 and a free port when left out. */
  listen?: { host: string; port: number };
  /** Base units signed ahead of use (default 50000); at most 1 % of the deposit counts. */
  headroom?: bigint;
  /** Base units that may be signed for stamps in all, over the channel's life (default 0: none is bought). */
  stamps?: bigint;
  /** Waivers known at the start; others by the gateway's `addWaiver`. */
  waivers?: readonly HandedWaiver[];
  /** Says from a publish's headers who the user is; everybody may publish, as one user, when left out. */
  authenticate?: Authenticate;
  /**
   * 32 bytes or more that only the app has, and keeps. With it each welcome of a user whose inbox `authenticate` tells carries a
   * tag by which a recipient can block this user alone.
   */
  senderSecret?: Uint8Array;
  /** When `low_balance` is told: below 0.1 USD, or when what is left lasts less than 3 days, unless told otherwise. */
  lowBalance?: LowBalance;
  /** Deposits money of `ownerKey`'s account by itself, within these bounds; that account pays its gas. Never when left out. */
  topUp?: TopUpTerms & { ownerKey: Uint8Array };
  /** Hears of what somebody may want to be woken for. */
  onEvent?: OnGatewayEvent;
  /** Envelopes in a minute of each user and of each app; unlimited when left out. */
  rateLimits?: RateLimits;
  /** What may be spent in a day by each user, by each app, and in all; unlimited when left out. */
  budgets?: Budgets;
  /** Which node a publish goes to: XIP-79's `stable` when left out. */
  nodes?: NodeChoice;
  /** How long a publish waits for money or nodes before it fails (default 100). */
  holdSeconds?: number;
  /** How often the chain is asked for a receipt, about its block time (default 1000). */
  chainPollMs?: number;
  /** A listener for metrics and health alone, which other machines may reach. Without it they answer this machine only. */
  metricsListen?: { host: string; port: number };
  /** Whether metrics tell of the whole process too (default false): memory, event loop. */
  processMetrics?: boolean;
  /** Warnings go to standard error when left out. */
  log?: Log;
}

/** Starts a gateway with all that it needs. Rejects as `startGateway` does, and when its store cannot be opened. */
export async function openGateway(options: OpenGatewayOptions): Promise<Gateway> {
  const { deployment, rpcUrl, postageKey, transactionKey, dataDirectory, databaseUrl, stamps, waivers } = options;
  const { authenticate, rateLimits, budgets, nodes, senderSecret, lowBalance, onEvent } = options;
  const { headroom = HEADROOM, holdSeconds = DEFAULT_LIMITS.holdSeconds, chainPollMs = CHAIN_POLL_MS } = options;
  const { listen = { host: "127.0.0.1", port: 0 }, log = createLog("gateway", "warn", [rpcUrl, databaseUrl ?? ""]) } =
    options;
  const store = await openGatewayStore(options, log);
  const provider = connectRpc({ url: rpcUrl, chainId: deployment.chainId, pollingMs: chainPollMs });
  const signer = new Wallet(toHex(transactionKey), provider);
  const contracts = connectContracts(deployment, provider);
  const gateway = await startGateway({
    ...{ headroom, stamps, waivers, postageKey, store, clock, log, ...listen },
    ...{ random: Math.random, connectNode: connectGrpcNode },
    ...(senderSecret ? { senderTags: { secret: senderSecret, daemons: httpStampDaemons } } : {}),
    ...(options.topUp ? { topUp: topUpOf(options.topUp, { deployment, provider, postageKey }) } : {}),
    ...{ lowBalance, onEvent, metricsListen: options.metricsListen, processMetrics: options.processMetrics },
    proposals: new ProposalBook({ ...contracts, provider, firstBlock: deployment.deploymentBlock }),
    ...(dataDirectory === undefined || databaseUrl !== undefined
      ? {}
      : { storage: () => readStorage(dataDirectory, { gateway: STORE_FILE }) }),
    ...{ authenticate, rateLimits, budgets, nodes, deployment, limits: { holdSeconds } },
    domain: postageDomain(deployment),
    reports: {
      chain: ethersReportsChain({ contracts, provider, domain: reportsDomain(deployment) }),
      servers: httpReportServers,
    },
    chain: ethersChain({ contracts, provider, signer, clock, log, pollingMs: chainPollMs }),
  }).catch(async (error: unknown) => {
    provider.destroy();
    await store.close();
    throw error;
  });
  return {
    ...gateway,
    close: async () => {
      await gateway.close();
      provider.destroy();
    },
  };
}

/** Deposits from an account with that key. */
function topUpOf(
  { ownerKey, ...terms }: TopUpTerms & { ownerKey: Uint8Array },
  to: { deployment: DeploymentRecord; provider: JsonRpcProvider; postageKey: Uint8Array },
): NonNullable<GatewayOptions["topUp"]> {
  const account = new ChannelAccount(to.deployment, to.provider, addressOf(to.postageKey));
  const owner = new Wallet(toHex(ownerKey), to.provider);
  return {
    ...terms,
    newKey: () => toHex(crypto.getRandomValues(new Uint8Array(32))),
    deposit: async (amount, idempotencyKey, signal) =>
      (await account.fund(owner, { amount, idempotencyKey, signal })).balance,
  };
}
