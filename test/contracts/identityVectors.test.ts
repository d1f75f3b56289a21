import { clone, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect } from "chai";
import { network } from "hardhat";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";

import { fromHex, toHex } from "../../src/protocol/bytes.ts";
import { decodeRevert } from "../../src/contracts/decodeRevert.ts";
import { identityEnvelope } from "../support/identityActors.ts";
import { readVectors } from "../support/vectors.ts";
import type { World } from "./fixtures.ts";
import { deployedWorld } from "./fixtures.ts";

describe("contracts/identity vectors", () => {
  it("x", async () => {
    const world = await deployedWorld();
    const { updates } = readVectors<{ updates: { what: string; bytes: string }[] }>("identity-updates");
    for (const { what, bytes } of updates.slice(1)) {
      const update = fromBinary(IdentityUpdateSchema, fromHex(bytes));
      const envelope = identityEnvelope(update);
      try {
        const tx = await world.identityRegistry.addIdentityUpdate(`0x${update.inboxId}`, envelope);
        const r = await tx.wait();
        console.log(what, envelope.length, r!.gasUsed);
      } catch (e) {
        console.log(what, decodeRevert(e), (e as Error).stack);
      }
    }
  });
});
