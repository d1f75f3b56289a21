import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import { ReplicationApi } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { LOCAL_CHAIN_ID, localWallet } from "../../../scripts/local/localChain.ts";
import type { LocalNetwork } from "../../../scripts/local/localNetwork.ts";
import { connectContracts } from "../../../src/contracts/connectContracts.ts";
import { toAddress } from "../../../src/protocol/bytes.ts";
import { IDENTITY_ORIGINATOR } from "../../../src/protocol/envelope.ts";
import { signaturesOf } from "../../../src/protocol/identity/signatures.ts";
import { readIdentityUpdate } from "../../../src/protocol/identity/read.ts";
import { personalMessageDigest } from "../../../src/protocol/identity/signature.ts";
import type { InboxState } from "../../../src/protocol/identity/state.ts";
import { identityText } from "../../../src/protocol/identity/text.ts";
import { askAccounts, deployAccounts, stateAfter, verdict } from "../../contracts/identityWorld.ts";
import type { IdentityCase } from "../../support/identityCases.ts";
import { IdentityCases, randomFrom } from "../../support/identityCases.ts";
import { smartAccountVerifier } from "../../support/smartAccountVerifier.ts";
import type { Device, SeenInbox } from "./device.ts";

/** An account that no service of the local network uses. */
const SUBMITTER = 18;
const ACCOUNTS = 2;
/** What the registry's smallest update has; less is not even asked. */
const LEAST_BYTES = 78;
/** An estimate would run every update a third time. */
const MOST_GAS = 16_000_000n;
const MOST_POLLS = 600;
/** Inboxes that a client is asked for at once. */
const AT_ONCE = 25;

export interface RandomUpdates {
  accepted: IdentityCase[];
  refused: number;
  /** What TypeScript makes of them, by inbox id. */
  states: ReadonlyMap<string, InboxState>;
}

export interface RandomOptions {
  /** How many the registry has to take. */
  updates: number;
  inboxes: number;
  seed: number;
  progress?: (accepted: number) => void;
}

/** Draws random updates and sequences those that the registry takes. Throws where TypeScript judges otherwise. */
export async function sequenceRandomUpdates(
  { chain, record }: Pick<LocalNetwork, "chain" | "record">,
  { updates, inboxes, seed, progress = () => {} }: RandomOptions,
): Promise<RandomUpdates> {
  const deployer = localWallet(SUBMITTER).connect(chain.provider);
  const world = { deployer, chainId: BigInt(LOCAL_CHAIN_ID), ...connectContracts(record, deployer) };
  let head = BigInt(await chain.provider.getBlockNumber());
  const accounts = await deployAccounts(world, ACCOUNTS, () => head - 1n);
  const drawn = new IdentityCases(randomFrom(seed), accounts, inboxes);
  const verify = askAccounts(world, accounts, () => head + 1n);
  const accepted: IdentityCase[] = [];
  let refused = 0;
  while (accepted.length < updates) {
    head = BigInt(await chain.provider.getBlockNumber());
    const one = drawn.next();
    const { inboxId, clientEnvelope, what } = one;
    const after = await stateAfter(drawn.states.get(inboxId), inboxId, clientEnvelope, verify);
    const answer = clientEnvelope.length < LEAST_BYTES ? "too short" : await verdict(world, inboxId, clientEnvelope);
    if ((answer === "taken") !== (after !== undefined)) {
      throw new Error(`seed ${seed}, ${accepted.length + refused}: ${what}: ${answer}, TypeScript says otherwise`);
    }
    if (!after) {
      refused++;
      continue;
    }
    drawn.states.set(inboxId, after);
    const sent = await world.identityRegistry.addIdentityUpdate(`0x${inboxId}`, clientEnvelope, { gasLimit: MOST_GAS });
    await sent.wait();
    accepted.push(one);
    progress(accepted.length);
  }
  return { accepted, refused, states: drawn.states };
}

/** Resolves when a node serves everything that the registry has sequenced. */
export async function untilIndexed(url: string, { contracts }: Pick<LocalNetwork, "contracts">): Promise<void> {
  const last = await contracts.identityRegistry.lastSequenceId();
  if (last === 0n) return;
  const node = createClient(
    ReplicationApi,
    createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1", nodeOptions: { agent: false } }),
  );
  const query = {
    originatorNodeIds: [IDENTITY_ORIGINATOR],
    lastSeen: { nodeIdToSequenceId: { [IDENTITY_ORIGINATOR]: last - 1n } },
  };
  for (let i = 0; i < MOST_POLLS; i++) {
    const { envelopes } = await node.queryEnvelopes({ query });
    if (envelopes.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${url} never served identity update ${last}`);
}

/** Lets a client load every inbox and says, for each that it refuses or sees otherwise, what it says. */
export async function loadInboxes(
  reader: Device,
  states: ReadonlyMap<string, InboxState>,
): Promise<{ inboxId: string; problem: string }[]> {
  const problems: { inboxId: string; problem: string }[] = [];
  const ids = [...states.keys()];
  for (let i = 0; i < ids.length; i += AT_ONCE) {
    const some = ids.slice(i, i + AT_ONCE);
    const together = await reader.inboxes(some).catch(() => undefined);
    for (const [k, inboxId] of some.entries()) {
      // One that is refused takes the others along, so each is asked for by itself then.
      const found = together ? together[k] : await reader.inboxes([inboxId]).then(([one]) => one, String);
      const expected = JSON.stringify(expectedInbox(states.get(inboxId)!));
      const actual = typeof found === "string" ? found : JSON.stringify(found);
      if (actual !== expected) problems.push({ inboxId, problem: `the client says ${actual}, not ${expected}` });
    }
  }
  return problems;
}

/**
 * Whether an account in one of the updates says no at the block that the update names. The registry asks it later, and
 * nobody signs the number; libxmtp asks at that block and refuses the inbox.
 */
export async function namesBlockOfNo(
  { chain }: Pick<LocalNetwork, "chain">,
  updates: readonly IdentityCase[],
): Promise<boolean> {
  const ask = smartAccountVerifier(chain.provider, BigInt(LOCAL_CHAIN_ID));
  for (const { inboxId, clientEnvelope } of updates) {
    const update = readIdentityUpdate(clientEnvelope, inboxId);
    const hash = personalMessageDigest(identityText(update));
    for (const { signature } of signaturesOf(update)) {
      if (signature.case !== "erc6492") continue;
      const account = toAddress(signature.value.accountId.split(":").at(-1)!);
      if (!(await ask({ ...signature.value, chainId: BigInt(LOCAL_CHAIN_ID), account, hash }))) return true;
    }
  }
  return false;
}

function expectedInbox({ inboxId, recovery, members }: InboxState): SeenInbox {
  const all = [...members.values()];
  const written = ({ kind, identifier }: { kind: string; identifier: string }) => `${kind} ${identifier}`;
  return {
    inboxId,
    recovery: written(recovery),
    installations: all
      .filter(({ kind }) => kind === "installation")
      .map(({ identifier }) => identifier)
      .sort(),
    identifiers: all
      .filter(({ kind }) => kind !== "installation")
      .map(written)
      .sort(),
  };
}
