import type { MessageInitShape } from "@bufbuild/protobuf";

import type {
  SubscribeEnvelopesRequest,
  SubscribeEnvelopesResponseSchema,
  SubscribeOriginatorsRequest,
  SubscribeOriginatorsResponseSchema,
  SubscribeTopicsRequest,
  SubscribeTopicsResponseSchema,
} from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";
import { SubscribeTopicsResponse_SubscriptionStatus as Status } from "#proto/xmtp/xmtpv4/message_api/message_api_pb.ts";

import { invalidArgument } from "../errors.ts";
import type { Cursor, StoredEnvelope } from "../store/reader.ts";
import type { FeedPorts, Interest } from "./feed.ts";
import { feed } from "./feed.ts";
import { toMessage } from "./query.ts";
import { bounded, readCursor, readOriginators, readQuery, readTopic } from "./requests.ts";

type TopicsFrame = MessageInitShape<typeof SubscribeTopicsResponseSchema>;
type EnvelopesFrame = MessageInitShape<typeof SubscribeEnvelopesResponseSchema>;
type OriginatorsFrame = MessageInitShape<typeof SubscribeOriginatorsResponseSchema>;

/** STARTED at once, history, CATCHUP_COMPLETE, then what arrives, with WAITING while nothing does. */
export async function* subscribeTopics(
  ports: FeedPorts,
  { filters }: SubscribeTopicsRequest,
  signal: AbortSignal,
): AsyncGenerator<TopicsFrame> {
  if (filters.length === 0) throw invalidArgument("the subscription names no topic");
  const cursors = new Map<string, Cursor>();
  for (const { topic, lastSeen } of bounded("filters", filters)) cursors.set(readTopic(topic), readCursor(lastSeen));
  yield status(Status.STARTED);
  for await (const event of feed(ports, { kind: "topics", cursors }, signal)) {
    if (event.kind === "envelopes") {
      yield { response: { case: "envelopes", value: { envelopes: messages(event.envelopes) } } };
    } else yield status(event.kind === "caughtUp" ? Status.CATCHUP_COMPLETE : Status.WAITING);
  }
}

/** One empty frame at once; later ones keep the connection alive. */
export async function* subscribeEnvelopes(
  ports: FeedPorts,
  { query }: SubscribeEnvelopesRequest,
  signal: AbortSignal,
): AsyncGenerator<EnvelopesFrame> {
  const selection = readQuery(query);
  const interest: Interest =
    selection.kind === "topics"
      ? { kind: "topics", cursors: new Map(selection.topics.map((topic) => [topic, selection.cursor])) }
      : selection;
  yield {};
  for await (const event of feed(ports, interest, signal)) {
    if (event.kind === "envelopes") yield { envelopes: messages(event.envelopes) };
    else if (event.kind === "idle") yield {};
  }
}

/** Whole logs of originators, as other nodes replicate them. An empty frame at once, and another after the history. */
export async function* subscribeOriginators(
  ports: FeedPorts,
  { filter }: SubscribeOriginatorsRequest,
  signal: AbortSignal,
): AsyncGenerator<OriginatorsFrame> {
  if (!filter) throw invalidArgument("the filter is missing");
  if (!filter.lastSeen) throw invalidArgument("the filter's last_seen is missing: an empty cursor asks for everything");
  const ids = readOriginators(filter.originatorNodeIds);
  if (ids.length === 0) throw invalidArgument("the filter names no originator");
  const cursor = readCursor(filter.lastSeen);
  yield originatorsFrame([]);
  for await (const event of feed(ports, { kind: "originators", ids, cursor }, signal)) {
    if (event.kind === "envelopes") yield originatorsFrame(event.envelopes);
    else yield originatorsFrame([]);
  }
}

function messages(envelopes: readonly StoredEnvelope[]) {
  return envelopes.map(({ bytes }) => toMessage(bytes));
}

function status(value: Status): TopicsFrame {
  return { response: { case: "statusUpdate", value: { status: value } } };
}

function originatorsFrame(envelopes: readonly StoredEnvelope[]): OriginatorsFrame {
  return { response: { case: "envelopes", value: { envelopes: messages(envelopes) } } };
}
