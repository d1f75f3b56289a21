import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { fromBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";

import type { OriginatorEnvelope } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { ClientEnvelopeSchema } from "#proto/xmtp/xmtpv4/envelopes/envelopes_pb.ts";
import { PayerApi } from "#proto/xmtp/xmtpv4/payer_api/payer_api_pb.ts";

import { openSqliteStore } from "../../../src/client/adapters/sqliteStore.ts";
import type { Gateway, GatewayOptions } from "../../../src/client/gateway.ts";
import { startGateway } from "../../../src/client/gateway.ts";
import type { GatewayStore } from "../../../src/client/ports.ts";
import { silentLog } from "../../../src/platform/log.ts";
import type { Verdict } from "../../../src/platform/watch.ts";
import { ManualClock } from "../../support/manualClock.ts";
import { DOMAIN, FakeNetwork, POSTAGE_KEY } from "./fakeNetwork.ts";

/** A gateway over a fake network, a real SQLite file and a clock that the test moves. */
export class GatewayHarness {
  readonly clock = new ManualClock();
  readonly network: FakeNetwork;
  readonly directory = mkdtempSync(join(tmpdir(), "pennyblack-gateway-"));
  /** Warnings and errors, for what a test wants to see. */
  readonly logged: { fields: object; message: string }[] = [];
  #gateways: Gateway[] = [];

  constructor(nodes = 3) {
    this.network = new FakeNetwork(this.clock, nodes);
  }

  get storePath(): string {
    return join(this.directory, "gateway.sqlite");
  }

  async start(changes: Partial<GatewayOptions> = {}): Promise<Gateway> {
    const note = (fields: object, message: string) => this.logged.push({ fields, message });
    const gateway = await this.settle(
      startGateway({
        host: "127.0.0.1",
        port: 0,
        postageKey: POSTAGE_KEY,
        domain: DOMAIN,
        headroom: 0n,
        store: changes.store ?? this.openStore(),
        chain: this.network.chain(),
        connectNode: this.network.connect,
        clock: this.clock,
        log: { ...silentLog, warn: note, error: note },
        random: () => 0.5,
        ...changes,
      }),
    );
    this.#gateways.push(gateway);
    return gateway;
  }

  openStore(): GatewayStore {
    return openSqliteStore(this.storePath);
  }

  /** Lets the clock run until the promise settles; real input and output gets its turn in between. */
  async settle<T>(promise: Promise<T>, stepMs = 20, mostMs = 400_000): Promise<T> {
    let isDone = false;
    const watched = promise.finally(() => (isDone = true));
    watched.catch(() => {});
    for (let ms = 0; ms < mostMs; ms += stepMs) {
      for (let turn = 0; turn < 4 && !isDone; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (isDone) return watched;
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.clock.advance(stepMs);
    }
    throw new Error(`nothing after ${mostMs} ms of test time`);
  }

  /** Lets time pass. */
  async run(ms: number, stepMs = 20): Promise<void> {
    const until = this.clock.now() + ms;
    await this.settle(
      (async () => {
        while (this.clock.now() < until) await this.clock.sleep(stepMs);
      })(),
      stepMs,
      2 * ms,
    );
  }

  async stop(): Promise<void> {
    for (const gateway of this.#gateways) await this.settle(gateway.close()).catch(() => {});
    this.#gateways = [];
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Publishes as a client does, over gRPC-Web. */
export function publish(gateway: Gateway, ...envelopes: Uint8Array[]): Promise<OriginatorEnvelope[]> {
  return publishWith({}, gateway, ...envelopes);
}

/** The same with a bearer token. */
export function publishAs(token: string, gateway: Gateway, ...envelopes: Uint8Array[]): Promise<OriginatorEnvelope[]> {
  return publishWith({ authorization: `Bearer ${token}` }, gateway, ...envelopes);
}

export async function publishWith(
  headers: Record<string, string>,
  gateway: Gateway,
  ...envelopes: Uint8Array[]
): Promise<OriginatorEnvelope[]> {
  const transport = createGrpcWebTransport({ baseUrl: gateway.url, httpVersion: "1.1" });
  const request = { envelopes: envelopes.map((bytes) => fromBinary(ClientEnvelopeSchema, bytes)) };
  return (await createClient(PayerApi, transport).publishClientEnvelopes(request, { headers })).originatorEnvelopes;
}

/** What `/health` or `/ready` of a gateway says. */
export async function judged(url: string, path: "/health" | "/ready"): Promise<{ status: number } & Verdict> {
  const answer = await fetch(`${url}${path}`);
  return { status: answer.status, ...((await answer.json()) as Verdict) };
}

export function payerApi(gateway: Gateway) {
  return createClient(PayerApi, createGrpcWebTransport({ baseUrl: gateway.url, httpVersion: "1.1" }));
}
