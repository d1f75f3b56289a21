import type { ReadPayerEnvelope } from "./envelope.ts";
import { destinationOf } from "./envelope.ts";
import { isNodeOnly } from "./topics.ts";

/** Why no node may originate an envelope, with where it belongs; undefined when a node may. */
export function unpublishable({ client }: ReadPayerEnvelope): string | undefined {
  if (isNodeOnly(client.topic.kind)) return "is a report between nodes: nobody may publish it";
  const destination = destinationOf(client);
  if (destination === "identity") {
    return "is an identity update: send it to IdentityRegistry.addIdentityUpdate on chain, through a gateway";
  }
  if (destination === "commit") {
    return "is an MLS commit or proposal: send it to CommitBroadcaster.addMessage on chain, through a gateway";
  }
  return undefined;
}
