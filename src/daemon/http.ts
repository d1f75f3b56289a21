import type { IncomingMessage, ServerResponse } from "node:http";

import type { Address, Hex } from "../protocol/bytes.ts";
import { toAddress } from "../protocol/bytes.ts";
import { VOUCHER_ROW_LENGTH } from "../protocol/voucher.ts";
import type { NetworkView, OperatorView } from "../console/views.ts";
import { NETWORK_VIEW_PATH, OPERATOR_VIEW_PATH } from "../console/views.ts";
import { ConsoleFiles, acceptsGzip, consoleJson } from "../platform/consoleFiles.ts";
import type { HttpHandler } from "../platform/grpcServer.ts";
import type { HttpAnswer } from "../platform/httpAnswer.ts";
import { jsonAnswer, sendAnswer } from "../platform/httpAnswer.ts";
import { isLocalCaller } from "../platform/localCaller.ts";
import type { Log } from "../platform/log.ts";
import type { Verdict, WatchRoutes } from "../platform/watch.ts";
import { verdictAnswer, watchAnswer } from "../platform/watch.ts";
import { authorisedFees, availableFees, unsettledFees } from "./account.ts";
import { GossipBusy, MOST_GOSSIP_ROWS } from "./gossip.ts";
import { ReorgRefusedError } from "./follow/ports.ts";
import type { Account } from "./ports.ts";
import { SendError } from "./transactions/errors.ts";

/** Where peers and payers reach the daemon, below the node's registered address. */
export const VOUCHERS_PATH = "/postage/vouchers";
const CHANNEL_PATH = /^\/postage\/channels\/(0x[0-9a-fA-F]{40})$/;
const ACCEPT_REORG_PATH = /^\/accept-reorg\/(\d{1,18})\/(0x[0-9a-fA-F]{64})$/;
const EVIDENCE_PATH = /^\/evidence\/(\d{1,10})\/(\d{1,20})$/;
const MOST_BODY_BYTES = MOST_GOSSIP_ROWS * VOUCHER_ROW_LENGTH;

export interface PublicRoutes {
  receiveVouchers(rows: Uint8Array, caller: string): Promise<number>;
  account(channel: Address): Promise<Account | undefined>;
  /** Whether it lives, and whether it takes publishes: for load balancers, without the reasons. */
  health(): Verdict;
  ready(): Promise<Verdict>;
}

/** What anybody may call: hand in vouchers (they prove themselves), ask about a channel (the log is public). */
export function publicHandler(routes: PublicRoutes, log: Log): HttpHandler {
  return handler(log, async (request, path) => {
    if (request.method === "POST" && path === VOUCHERS_PATH) {
      const caller = request.socket.remoteAddress ?? "";
      return { taken: await routes.receiveVouchers(await readBody(request), caller) };
    }
    const [, channel] = CHANNEL_PATH.exec(path) ?? [];
    if (request.method !== "GET") return undefined;
    if (path === "/health") return new Whole(verdictAnswer({ ok: routes.health().ok }));
    if (path === "/ready") return new Whole(verdictAnswer({ ok: (await routes.ready()).ok }));
    if (!channel) return undefined;
    const account = await routes.account(toAddress(channel));
    return account ? describe(account) : undefined;
  });
}

export interface OperatorRoutes extends WatchRoutes {
  /** What `pennyblack status` shows. */
  overview(): Promise<object>;
  status(): Promise<object>;
  settle(): Promise<object>;
  distribute(): Promise<bigint>;
  claim(): Promise<bigint>;
  /** Opens the gate although the node's log ends before an id that it has given out; answers that id. */
  trustLog(): Promise<bigint>;
  /** See Daemon.acceptReorg. */
  acceptReorg(number: bigint, hash: Hex): Promise<void>;
  /** What the console's page shows. */
  console(): Promise<OperatorView>;
  network(): Promise<NetworkView>;
  /** What convicts a node, as hex for an appeal or another reporter; undefined when there is none. */
  evidence(nodeId: number, sequenceId: bigint): Promise<object | undefined>;
}

/** What only the operator may call: it is served on a listener of its own that is bound to loopback. */
export function operatorHandler(routes: OperatorRoutes, log: Log): HttpHandler {
  const files = new ConsoleFiles("daemon");
  return handler(log, async (request, path) => {
    // The page is no secret, and browsers say who asks for a script; what it shows is one.
    const page = request.method === "GET" ? files.answer(path, acceptsGzip(request)) : undefined;
    if (page) return new Whole(page);
    if (!isLocalCaller(request)) throw new Forbidden("ask from the machine that the daemon runs on");
    const [, nodeId, sequenceId] = EVIDENCE_PATH.exec(path) ?? [];
    if (request.method === "GET" && nodeId) return routes.evidence(Number(nodeId), BigInt(sequenceId!));
    const [, number, hash] = ACCEPT_REORG_PATH.exec(path) ?? [];
    if (request.method === "POST" && number) {
      await routes.acceptReorg(BigInt(number), hash!.toLowerCase() as Hex);
      return { accepted: number };
    }
    switch (`${request.method} ${path}`) {
      case "GET /status":
        return routes.status();
      case "GET /overview":
        return routes.overview();
      case "POST /settle":
        return routes.settle();
      case "POST /distribute":
        return { distributed: await routes.distribute() };
      case "POST /claim":
        return { claimed: await routes.claim() };
      case "POST /trust-log":
        return { above: await routes.trustLog() };
      case `GET ${OPERATOR_VIEW_PATH}`:
        return new Whole(consoleJson(await routes.console()));
      case `GET ${NETWORK_VIEW_PATH}`:
        return new Whole(consoleJson(await routes.network()));
      default:
        if (request.method !== "GET") return undefined;
        return watchAnswer(routes, path).then((answer) => answer && new Whole(answer));
    }
  });
}

/** Amounts in base units as decimal strings; usage in picodollars too. */
export function describe(account: Account): object {
  const { channel, usagePico, chain, vouchers } = account;
  return {
    channel,
    usagePico,
    authorised: authorisedFees(account),
    available: availableFees(account),
    unsettled: unsettledFees(account),
    largestVoucher: vouchers?.fees.fees ?? 0n,
    ...chain,
  };
}

/** Bytes as they are. */
export class Binary {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** With status and headers of its own. */
class Whole {
  readonly answer: HttpAnswer;

  constructor(answer: HttpAnswer) {
    this.answer = answer;
  }
}

export class BadRequest extends Error {}
class Forbidden extends Error {}

export type Answer = (request: IncomingMessage, path: string) => Promise<object | undefined>;

export function handler(log: Log, answer: Answer): HttpHandler {
  return (request, response) => {
    const path = (request.url ?? "/").split("?")[0]!;
    answer(request, path)
      .then((body) => answerWith(response, body, path))
      .catch((error: unknown) => {
        if (error instanceof BadRequest) return send(response, 400, { error: error.message });
        if (error instanceof Forbidden) return send(response, 403, { error: error.message });
        if (error instanceof ReorgRefusedError || error instanceof SendError) {
          return send(response, 409, { error: error.message });
        }
        if (error instanceof GossipBusy) return send(response, 503, { error: error.message });
        log.error({ path, error: String(error) }, "a request failed");
        send(response, 500, { error: "the daemon could not do this: see its log" });
      });
  };
}

function answerWith(response: ServerResponse, body: object | undefined, path: string): void {
  if (body instanceof Binary) {
    return void response.writeHead(200, { "content-type": "application/octet-stream" }).end(body.bytes);
  }
  if (body instanceof Whole) return sendAnswer(response, body.answer);
  if (body) return send(response, 200, body);
  send(response, 404, { error: `nothing at ${path}` });
}

function send(response: ServerResponse, status: number, body: object): void {
  sendAnswer(response, jsonAnswer(body, status));
}

export async function readBody(request: IncomingMessage, most = MOST_BODY_BYTES): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > most) throw new BadRequest(`at most ${most} bytes in one call`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
