import type { Cursor as CursorMessage } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import type { EnvelopesQuery } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { TopicKind, parseTopic } from "../../protocol/topics.ts";
import { invalidArgument } from "../errors.ts";
import { LIMITS } from "../limits.ts";
import type { Cursor } from "../store/reader.ts";

const IDENTITY_PREFIX = TopicKind.identityUpdate.toString(16).padStart(2, "0");

/** What a query or subscription asks for: topics (hex) or originators, never both. */
export type Selection =
  { kind: "topics"; topics: string[]; cursor: Cursor } | { kind: "originators"; ids: number[]; cursor: Cursor };

/** Checks the length of a list in a request. */
export function bounded<T>(what: string, list: readonly T[], most: number = LIMITS.listLength): readonly T[] {
  if (list.length > most) throw invalidArgument(`a request takes at most ${most} ${what}, this has ${list.length}`);
  return list;
}

/** A cursor may name originators that this node has never heard of. */
export function readCursor(cursor: CursorMessage | undefined): Cursor {
  const seen = cursor?.nodeIdToSequenceId ?? {};
  bounded("originators in a cursor", Object.keys(seen), LIMITS.originatorsPerRequest);
  return seen;
}

export function readTopic(bytes: Uint8Array): string {
  const topic = Buffer.from(bytes).toString("hex");
  if (!parseTopic(bytes)) throw invalidArgument(`"${topic.slice(0, 80)}" is no topic: a kind byte and its identifier`);
  return topic;
}

/** Distinct topics in the order of the request. */
export function readTopics(list: readonly Uint8Array[]): string[] {
  return [...new Set(bounded("topics", list).map(readTopic))];
}

export function readOriginators(list: readonly number[]): number[] {
  return [...new Set(bounded("originators", list, LIMITS.originatorsPerRequest))];
}

export function readQuery(query: EnvelopesQuery | undefined): Selection {
  if (!query) throw invalidArgument("the query is missing");
  const topics = readTopics(query.topics);
  const ids = readOriginators(query.originatorNodeIds);
  const cursor = readCursor(query.lastSeen);
  if (topics.length > 0 && ids.length > 0) throw invalidArgument("a query names topics or originators, not both");
  if (topics.length > 0) return { kind: "topics", topics, cursor };
  if (ids.length > 0) return { kind: "originators", ids, cursor };
  throw invalidArgument("the query names neither a topic nor an originator");
}

export function areIdentityTopics(topics: readonly string[]): boolean {
  return topics.every((topic) => topic.startsWith(IDENTITY_PREFIX));
}
