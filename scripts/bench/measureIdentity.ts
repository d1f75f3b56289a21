import { create, toBinary } from "@bufbuild/protobuf";
import type { TransactionReceipt } from "ethers";
import { id } from "ethers";

import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { concatBytes, fromHex } from "../../src/protocol/bytes.ts";
import { TopicKind, topicBytes } from "../../src/protocol/topics.ts";
import type { World } from "../../test/contracts/fixtures.ts";
import { identityEnvelope } from "../../test/support/identityActors.ts";
import { vectorUpdates } from "../../test/support/vectors.ts";
import { signAsInstallation, verifyArguments } from "../campaigns/ed25519/cases.ts";
import { dataFeeOf, gasOf, receiptOf } from "./receipts.ts";

/** Gas of whole transactions that sequence an update of a real client. */
export interface IdentityFigures {
  /** A wallet's inbox with its first installation: 456 bytes, one wallet and one installation signature. */
  register: number;
  /** The same of a passkey, where P-256 is a precompile. */
  registerPasskey: number;
  addInstallation: number;
  /** An installation and the new wallet sign. */
  linkWallet: number;
  revokeInstallation: number;
  /** One installation's signature over a text of 330 bytes, as a transaction of its own. */
  ed25519ph: number;
  /** A commit of a conversation between two: 2,960 bytes. */
  commit: number;
}

/** Which update of test/vectors/identity-updates.json does what. */
const VECTORS = { register: 3, addInstallation: 4, revokeInstallation: 5, registerPasskey: 2 } as const;
const OF_ANOTHER_INBOX = { register: 6, linkWallet: 7 } as const;

interface Measured extends IdentityFigures {
  /** On the simulated Base, wei. */
  dataFees: { register: number; commit: number };
}

/** Needs a world without identity updates. */
export async function measureIdentity(world: World): Promise<Measured> {
  const updates = vectorUpdates();
  const registry = world.identityRegistry.connect(world.stranger);
  const sent = (index: number) => {
    const update = updates[index]!;
    return receiptOf(registry.addIdentityUpdate(`0x${update.inboxId}`, identityEnvelope(update)));
  };
  const gasOfVector = async (index: number) => Number((await sent(index)).gasUsed);
  // The very first update of all writes the counter's slot, which none does after it.
  await gasOfVector(OF_ANOTHER_INBOX.register);
  const register = await sent(VECTORS.register);
  const commit = await sentCommit(world);
  return {
    register: Number(register.gasUsed),
    registerPasskey: await gasOfVector(VECTORS.registerPasskey),
    addInstallation: await gasOfVector(VECTORS.addInstallation),
    linkWallet: await gasOfVector(OF_ANOTHER_INBOX.linkWallet),
    revokeInstallation: await gasOfVector(VECTORS.revokeInstallation),
    ed25519ph: await measureEd25519ph(world),
    commit: Number(commit.gasUsed),
    dataFees: {
      register: await dataFeeOf(world, register.hash),
      commit: await dataFeeOf(world, commit.hash),
    },
  };
}

const COMMIT_BYTES = 2_960;

async function sentCommit({ commitBroadcaster }: World): Promise<TransactionReceipt> {
  // Somebody sent one before: the counter is above 0.
  const [first, second] = [1, 2].map((n) => commitEnvelope(n)) as [Uint8Array, Uint8Array];
  if (second.length !== COMMIT_BYTES) throw new Error(`the measured commit has ${second.length} bytes`);
  await gasOf(commitBroadcaster.addMessage(COMMIT_GROUP, first));
  return receiptOf(commitBroadcaster.addMessage(COMMIT_GROUP, second));
}

const COMMIT_GROUP = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

/** As libxmtp writes it, with what it depends on; the encrypted part looks random. */
function commitEnvelope(n: number): Uint8Array {
  const framing = concatBytes(Uint8Array.of(0, 1, 0, 2, 16), COMMIT_GROUP, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5, 3));
  const noise = Array.from({ length: 90 }, (_, i) => fromHex(id(`${n}:${i}`)));
  const data = concatBytes(framing, ...noise).subarray(0, 2_868);
  const v1 = { data, senderHmac: fromHex(id("hmac")), shouldPush: false };
  const envelope = create(ClientEnvelopeSchema, {
    aad: {
      targetTopic: topicBytes(TopicKind.groupMessage, COMMIT_GROUP),
      dependsOn: { nodeIdToSequenceId: { 0: 12_345n, 100: 2_345_678n, 200: 3_456_789n } },
    },
    payload: { case: "groupMessage", value: { version: { case: "v1", value: v1 } } },
  });
  return toBinary(ClientEnvelopeSchema, envelope);
}

async function measureEd25519ph({ ed25519Verifier, stranger }: World): Promise<number> {
  const args = verifyArguments(signAsInstallation(new Uint8Array(32).fill(7), new Uint8Array(330).fill(97)));
  // A refusal may cost little.
  if (!(await ed25519Verifier.verify(...args))) throw new Error("the signature does not hold");
  const data = ed25519Verifier.interface.encodeFunctionData("verify", args);
  return gasOf(stranger.sendTransaction({ to: await ed25519Verifier.getAddress(), data }));
}
