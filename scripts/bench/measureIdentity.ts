import { fromBinary } from "@bufbuild/protobuf";
import type { TransactionReceipt } from "ethers";

import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";

import { fromHex } from "../../src/protocol/bytes.ts";
import type { World } from "../../test/contracts/fixtures.ts";
import { identityEnvelope } from "../../test/support/identityActors.ts";
import { readVectors } from "../../test/support/vectors.ts";

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
}

/** Which update of test/vectors/identity-updates.json does what. */
const VECTORS = { register: 3, addInstallation: 4, revokeInstallation: 5, registerPasskey: 2 } as const;
const OF_ANOTHER_INBOX = { register: 6, linkWallet: 7 } as const;

/** Needs a world without identity updates. */
export async function measureIdentity(world: World): Promise<IdentityFigures> {
  const { updates } = readVectors<{ updates: { bytes: string }[] }>("identity-updates");
  const gasOf = async (index: number): Promise<number> => {
    const update = fromBinary(IdentityUpdateSchema, fromHex(updates[index]!.bytes));
    const envelope = identityEnvelope(update);
    const sent = await world.identityRegistry.connect(world.stranger).addIdentityUpdate(`0x${update.inboxId}`, envelope);
    const receipt: TransactionReceipt | null = await sent.wait();
    if (receipt?.status !== 1) throw new Error("a measured transaction failed");
    return Number(receipt.gasUsed);
  };
  // The very first update of all writes the counter's slot, which none does after it.
  await gasOf(OF_ANOTHER_INBOX.register);
  return {
    register: await gasOf(VECTORS.register),
    registerPasskey: await gasOf(VECTORS.registerPasskey),
    addInstallation: await gasOf(VECTORS.addInstallation),
    linkWallet: await gasOf(OF_ANOTHER_INBOX.linkWallet),
    revokeInstallation: await gasOf(VECTORS.revokeInstallation),
  };
}
