import { readFileSync } from "node:fs";

import { fromBinary } from "@bufbuild/protobuf";

import type { IdentityUpdate } from "#proto/xmtp/identity/associations/association_pb.ts";
import { IdentityUpdateSchema } from "#proto/xmtp/identity/associations/association_pb.ts";

import { fromHex } from "../../src/protocol/bytes.ts";

/** Reads a file of test/vectors: bytes made by real XMTP software. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8")) as T;
}

/** What is in identity-updates.json, in its order; new each time. */
export function vectorUpdates(): IdentityUpdate[] {
  const { updates } = readVectors<{ updates: { bytes: string }[] }>("identity-updates");
  return updates.map(({ bytes }) => fromBinary(IdentityUpdateSchema, fromHex(bytes)));
}
