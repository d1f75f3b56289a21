import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { fromBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { expect } from "chai";

import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import type { LocalGateway } from "../../scripts/local/localApp.ts";
import type { LocalNetwork } from "../../scripts/local/localNetwork.ts";
import { startLocalNetwork } from "../../scripts/local/localNetwork.ts";
import { readOriginatorEnvelope } from "../../src/protocol/envelope.ts";
import { groupMessage } from "../support/envelopes.ts";
import type { TestPostgres } from "../support/postgres.ts";
import { startPostgres } from "../support/postgres.ts";

const USD = 1_000_000n;
const SETTLES_MS = 60_000;
/** A call may wait for the end of a killed process's lease. */
const CALL_MS = 90_000;

interface Status {
  store: string;
  processes: number;
  usagePico: string;
  inFlightPico: string;
  doubles: string;
  openAttempts: number;
}

/** Real gateways and nodes, each a process, and a real database. */
describe("two gateways of one channel", function () {
  this.timeout(300_000);
  let directory: string;
  let postgres: TestPostgres;
  let network: LocalNetwork;
  let gateways: LocalGateway[];
  let next = 0;
  /** What nodes signed for each message, in picodollars. */
  const charged = new Map<number, bigint>();

  before(async function () {
    const cluster = await startPostgres();
    if (!cluster) return this.skip();
    postgres = cluster;
    directory = mkdtempSync(join(tmpdir(), "pennyblack-shared-"));
    const databaseUrl = await postgres.create();
    const terms = { directory, nodes: 2, deposit: 20n * USD, headroom: 2_000n };
    network = await startLocalNetwork({ ...terms, gateway: { databaseUrl } });
    gateways = [network.gateway, await network.addGateway("gateway-2")];
  });
  after(async () => {
    await network?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  const json = async <T>(url: string) => (await (await fetch(url)).json()) as T;
  const status = (gateway: LocalGateway) => json<Status>(`${gateway.url}/status`);

  async function publish(gateway: LocalGateway, n: number): Promise<void> {
    const transport = createGrpcWebTransport({ baseUrl: gateway.url, httpVersion: "1.1" });
    const request = { envelopes: [fromBinary(ClientEnvelopeSchema, groupMessage(n, { group: n % 11 }))] };
    const client = createClient(PayerApi, transport);
    const { originatorEnvelopes } = await client.publishClientEnvelopes(request, { timeoutMs: CALL_MS });
    const { baseFeePico, congestionFeePico, originatorId, sequenceId } = readOriginatorEnvelope(
      originatorEnvelopes[0]!,
    );
    const place = `${originatorId}:${sequenceId}`;
    expect(placeOf.get(n) ?? place, "every gateway gives the same answer").to.equal(place);
    placeOf.set(n, place);
    charged.set(n, baseFeePico + congestionFeePico);
  }
  const placeOf = new Map<number, string>();

  /** As an app does: what fails is sent again, now to the other gateway. */
  async function send(n: number, first: number): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return await publish(gateways[(first + tries) % 2]!, n);
      } catch (error) {
        const { code, message } = ConnectError.from(error);
        const isGone = /EPIPE|ECONN|socket|hang up|aborted/i.test(message);
        if (!isGone) expect(code, message).to.be.oneOf([Code.Unavailable, Code.DeadlineExceeded]);
        if (tries === 20) throw error;
        await sleep(200);
      }
    }
  }

  /** Users that send at once, some of them the same bytes to both; `during` happens in the middle. */
  async function storm(count: number, during: () => Promise<void>): Promise<void> {
    const numbers = Array.from({ length: count }, () => next++);
    const work = numbers.map(async (n, i) => {
      await sleep(i * 25);
      const twice = i % 4 === 0 ? [send(n, 1)] : [];
      await Promise.all([send(n, i % 2), ...twice]);
    });
    await sleep(count * 10);
    await during();
    await Promise.all(work);
  }

  /** What each of these gateways, and each node's daemon, says that the channel has used: what nodes signed for each message, once. */
  async function requireCharged(once: LocalGateway[]): Promise<void> {
    const expected = String([...charged.values()].reduce((sum, pico) => sum + pico, 0n));
    let seen: unknown;
    for (const until = Date.now() + SETTLES_MS; Date.now() < until; await sleep(250)) {
      const of = await Promise.all([
        ...once.map(async (gateway) => {
          const { usagePico, inFlightPico, doubles, openAttempts } = await status(gateway);
          return { usagePico, inFlightPico, doubles, openAttempts };
        }),
        ...network.nodes.map(async ({ url }) => {
          const { usagePico } = await json<Status>(`${url}/postage/channels/${network.channel}`);
          return { usagePico, inFlightPico: "0", doubles: "0", openAttempts: 0 };
        }),
      ]);
      seen = of;
      const isDone = of.every(
        (one) => one.usagePico === expected && one.inFlightPico === "0" && one.openAttempts === 0,
      );
      if (!isDone) continue;
      expect(of.map(({ doubles }) => doubles)).to.deep.equal(of.map(() => "0"));
      return;
    }
    expect.fail(`each should say ${expected}, they say ${JSON.stringify(seen)}`);
  }

  it("share what they use, and give one answer for the same bytes", async () => {
    await storm(60, async () => {});
    await requireCharged(gateways);
    expect(await status(gateways[0]!)).to.include({ store: "PostgreSQL", processes: 2 });
  });

  it("lose nothing and charge nothing twice when one is killed in the middle", async () => {
    await storm(80, () => gateways[0]!.kill());
    await requireCharged([gateways[1]!]);
    await gateways[0]!.restart();
    await storm(10, async () => {});
    await requireCharged(gateways);
  });

  it("lose nothing and charge nothing twice when one stands still past its lease and comes back", async () => {
    const { pid } = gateways[1]!.service;
    await storm(80, async () => {
      process.kill(pid, "SIGSTOP");
      await sleep(32_000);
      process.kill(pid, "SIGCONT");
    });
    await requireCharged(gateways);
  });

  it("wait while the database is away, say so, and go on", async () => {
    await storm(60, async () => {
      await postgres.stop();
      await sleep(3_000);
      for (const gateway of gateways) expect((await fetch(`${gateway.url}/ready`)).status).to.equal(503);
      await postgres.start();
    });
    await requireCharged(gateways);
    for (const gateway of gateways) expect((await fetch(`${gateway.url}/ready`)).status).to.equal(200);
  });
});
