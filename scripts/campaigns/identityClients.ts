/**
 * `npm run campaign:identity-clients -- [--updates N] [--inboxes N] [--seed N]`: random identity updates, of which the
 * registry takes N on a local network, and a stock XMTP client that loads every inbox that they made. It has to see the
 * members and the recovery identifier that TypeScript sees; an inbox that it refuses would be lost to its owner. Only an
 * update that names a block at which its smart account says no may do that.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { toHex } from "../../src/protocol/bytes.ts";
import { startDevice } from "../../test/e2e/support/device.ts";
import {
  loadInboxes,
  namesBlockOfNo,
  sequenceRandomUpdates,
  untilIndexed,
} from "../../test/e2e/support/randomInboxes.ts";
import { startLocalNetwork } from "../local/localNetwork.ts";

const REPORTED_EVERY = 100;

const { values } = parseArgs({
  options: { updates: { type: "string" }, inboxes: { type: "string" }, seed: { type: "string" } },
});
const updates = Number(values.updates ?? "1000");
const inboxes = Number(values.inboxes ?? "200");
const seed = Number(values.seed ?? "1");
for (const number of [updates, inboxes, seed]) {
  if (!Number.isInteger(number) || number < 1)
    throw new Error("--updates, --inboxes and --seed take whole numbers above 0");
}

const startedAt = Date.now();
const directory = mkdtempSync(join(tmpdir(), "pennyblack-identity-"));
const network = await startLocalNetwork({ directory, nodes: 1, deposit: 1_000_000n, headroom: 0n });
const reader = startDevice(directory, "reader");
let isGood = false;
try {
  const progress = (accepted: number) => {
    if (accepted % REPORTED_EVERY === 0) console.log(`${accepted} updates sequenced`);
  };
  const { accepted, refused, states } = await sequenceRandomUpdates(network, { updates, inboxes, seed, progress });
  await untilIndexed(network.nodes[0]!.url, network);
  await reader.open({ gatewayUrl: network.gateway.url, rpcUrl: network.chain.url }, { kind: "wallet", n: 1_000_000 });
  const problems = await loadInboxes(reader, states);
  let named = 0;
  for (const { inboxId, problem } of problems) {
    console.log(`inbox ${inboxId}: ${problem}`);
    const own = accepted.filter((candidate) => candidate.inboxId === inboxId);
    for (const { what, clientEnvelope } of own) console.log(`  ${what}: ${toHex(clientEnvelope)}`);
    if (await namesBlockOfNo(network, own)) named++;
  }
  // That one is known and cannot be helped: docs/trust-model.md.
  isGood = problems.length === named;
  console.log(
    `identity clients: ${updates} updates of ${states.size} inboxes taken, ${refused} refused; the client sees ` +
      `${states.size - problems.length} inboxes as they are, ${problems.length} otherwise (${named} of them name a block at which their account says no); seed ${seed}, ` +
      `${Math.round((Date.now() - startedAt) / 1000)} s`,
  );
} finally {
  reader.leave();
  await network.close();
  if (isGood) rmSync(directory, { recursive: true, force: true });
}
process.exit(isGood ? 0 : 1);
