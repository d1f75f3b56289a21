import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";

import { IdentifierKind } from "#proto/xmtp/identity/associations/association_pb.ts";
import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { OriginatorEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import type {
  GetInboxIdsRequest,
  GetNewestEnvelopeRequest,
  QueryEnvelopesRequest,
} from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { LIMITS } from "../limits.ts";
import type { PageBounds } from "../store/reader.ts";
import { PAGE } from "../store/reader.ts";
import type { NodeStore } from "../store/store.ts";
import type { Selection } from "./requests.ts";
import { areIdentityTopics, bounded, readQuery, readTopic } from "./requests.ts";

/** A client reads an inbox's log in one page, so a query for identity updates without limit gets all of them. */
const IDENTITY_PAGE: PageBounds = { rows: LIMITS.identityPageRows, bytes: LIMITS.identityPageBytes };

export function toMessage(bytes: Uint8Array): OriginatorEnvelope {
  return fromBinary(OriginatorEnvelopeSchema, bytes);
}

function boundsOf(selection: Selection, limit: number): PageBounds {
  if (limit > 0) return { ...PAGE, rows: Math.min(limit, PAGE.rows) };
  return selection.kind === "topics" && areIdentityTopics(selection.topics) ? IDENTITY_PAGE : PAGE;
}

export function queryEnvelopes({ reader }: NodeStore, { query, limit }: QueryEnvelopesRequest) {
  const selection = readQuery(query);
  const bounds = boundsOf(selection, limit);
  const { kind, cursor } = selection;
  const page =
    kind === "topics"
      ? reader.byTopics(selection.topics, cursor, bounds)
      : reader.byOriginators(selection.ids, cursor, bounds);
  return { envelopes: page.map(({ bytes }) => toMessage(bytes)) };
}

export function getNewestEnvelope({ reader }: NodeStore, { topics }: GetNewestEnvelopeRequest) {
  const newest = reader.newest(bounded("topics", topics).map(readTopic), LIMITS.identityPageBytes);
  if (!newest) {
    throw new ConnectError("the answer would be too large: ask for fewer topics at once", Code.ResourceExhausted);
  }
  return { results: newest.map((bytes) => ({ originatorEnvelope: bytes && toMessage(bytes) })) };
}

export function getInboxIds({ chain }: NodeStore, { requests }: GetInboxIdsRequest) {
  return {
    responses: bounded("identifiers", requests).map(({ identifier, identifierKind }) => {
      const kind = identifierKind === IdentifierKind.UNSPECIFIED ? IdentifierKind.ETHEREUM : identifierKind;
      return { identifier, identifierKind, inboxId: chain.inboxOf(kind, identifier.toLowerCase()) };
    }),
  };
}
