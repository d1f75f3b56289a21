/**
 * `npm run campaign:soak -- --minutes 30`: a network of processes under steady traffic, whose memory has to stay flat. Exits
 * 1 when a message fails or is charged twice, or when a process needs more in the last quarter than in the second one.
 * Memory is what Linux says that a process has resident.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";

import { fromBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import { groupMessage } from "../../test/support/envelopes.ts";
import { startLocalNetwork } from "../local/localNetwork.ts";

const USAGE = `npm run campaign:soak -- [--minutes 30] [--rate 50] [--json FILE]`;
const USD = 1_000_000n;
const SAMPLE_MS = 5_000;
/** A heap that is collected when it is full is now this much larger and now that much smaller. */
const MOST_GROWTH = 1.1;
const PADDING = 200;

function readOptions(): { minutes: number; rate: number; json: string | undefined } {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({ options: { minutes: text, rate: text, json: text } });
    const [minutes, rate] = [Number(values.minutes ?? 30), Number(values.rate ?? 50)];
    if (minutes >= 1 && minutes <= 10_000 && rate >= 1 && rate <= 1_000) return { minutes, rate, json: values.json };
    throw new Error("--minutes takes 1 to 10000, --rate 1 to 1000");
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

const { minutes, rate, json } = readOptions();
const directory = mkdtempSync(join(tmpdir(), "pennyblack-soak-"));
const network = await startLocalNetwork({ directory, nodes: 2, deposit: 10_000n * USD, headroom: USD });
const processes = new Map([
  ["gateway", network.gateway.service.pid],
  ...network.nodes.map(({ nodeId, service }) => [`node ${nodeId}`, service.pid] as const),
]);
const samples = new Map([...processes.keys()].map((name): [string, number[]] => [name, []]));
const api = createClient(PayerApi, createGrpcWebTransport({ baseUrl: network.gateway.url, httpVersion: "1.1" }));
const endsAt = performance.now() + minutes * 60_000;
let [sent, answered, failed] = [0, 0, 0];

const sending = send();
while (performance.now() < endsAt) {
  await setTimeout(SAMPLE_MS);
  for (const [name, pid] of processes) samples.get(name)!.push(residentMegabytes(pid));
}
await sending;
const { doubles, usage } = (await (await fetch(new URL("/status", network.gateway.url))).json()) as Record<
  string,
  string
>;
await network.close();

const memory = Object.fromEntries(
  [...samples].map(([name, all]) => {
    const quarter = (n: number) => median(all.slice((all.length * (n - 1)) / 4, (all.length * n) / 4));
    const quarters = [1, 2, 3, 4].map(quarter);
    return [name, { quarters, growth: Number((quarters[3]! / quarters[1]!).toFixed(3)) }];
  }),
);
console.log(
  `${minutes} minutes: ${sent} sent, ${answered} answered, ${failed} failed, ${doubles} charged twice, ${usage} base units`,
);
for (const [name, { quarters, growth }] of Object.entries(memory)) {
  console.log(`  ${name.padEnd(10)} median of each quarter ${quarters.join(", ")} MB; last to second ${growth}`);
}
if (json) writeFileSync(json, `${JSON.stringify({ minutes, sent, answered, failed, memory }, null, 2)}\n`);
const isFlat = Object.values(memory).every(({ growth }) => growth <= MOST_GROWTH);
if (!isFlat) console.error(`FAILED a process needs more than ${MOST_GROWTH} times what it needed`);
if (failed > 0 || answered !== sent || doubles !== "0") console.error("FAILED messages were lost or charged twice");
const isWell = isFlat && failed === 0 && answered === sent && doubles === "0";
if (isWell) rmSync(directory, { recursive: true });
else console.error(`logs: ${directory}`);
process.exit(isWell ? 0 : 1);

/** At the same rate whether or not answers come. */
async function send(): Promise<void> {
  const began = performance.now();
  const open = new Set<Promise<void>>();
  while (performance.now() < endsAt) {
    const dueAt = began + (sent * 1_000) / rate;
    if (performance.now() < dueAt) await setTimeout(dueAt - performance.now());
    const envelope = fromBinary(ClientEnvelopeSchema, groupMessage(sent++, { padding: PADDING, group: sent % 16 }));
    const one = api.publishClientEnvelopes({ envelopes: [envelope] }).then(
      () => void answered++,
      (error: unknown) => {
        failed++;
        console.error(String(error));
      },
    );
    open.add(one);
    void one.finally(() => open.delete(one));
  }
  await Promise.all(open);
}

function residentMegabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
  return Math.round(Number(kilobytes) / 1_024);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
