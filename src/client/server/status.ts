import type { IncomingMessage } from "node:http";

import { z } from "zod";

import type { HttpHandler } from "../../platform/grpcServer.ts";
import { jsonAnswer, sendAnswer } from "../../platform/httpAnswer.ts";
import { isLocalCaller } from "../../platform/localCaller.ts";
import type { Log } from "../../platform/log.ts";
import type { WatchRoutes } from "../../platform/watch.ts";
import { watchHandler } from "../../platform/watch.ts";
import type { Address } from "../../protocol/bytes.ts";
import { toHex } from "../../protocol/bytes.ts";
import type { FreePass } from "../../protocol/stamps/rules.ts";
import type { GasState } from "../funds/gasMoney.ts";
import type { HandedWaiver } from "../publish/waiverBook.ts";
import { isStampsError } from "../stamps/errors.ts";

/** Amounts are bigint; in JSON they are decimal strings. */
export interface GatewayStatus {
  channel: Address;
  /** Where the ledger is kept. */
  store: "SQLite" | "PostgreSQL";
  /** Gateway processes that have this channel, this one included. */
  processes: number;
  /** Used according to receipts, and reserved for what is under way. */
  usagePico: bigint;
  inFlightPico: bigint;
  /** The same, in base units and rounded up. */
  usage: bigint;
  /** Largest voucher signed, base units. */
  authorised: bigint;
  /** On chain, base units; undefined until the chain was read. */
  deposited: bigint | undefined;
  available: bigint | undefined;
  /** What neither is used nor reserved of it. */
  left: bigint | undefined;
  /** How long that lasts at the pace of the last seven days; undefined while nothing is spent. */
  runwaySeconds: number | undefined;
  /** The account that pays for commits and identity updates; undefined until it was read. */
  gas: GasState | undefined;
  headroom: bigint;
  /** Largest ceiling for stamps that was signed, base units. */
  stampsSigned: bigint;
  nodes: { id: number; httpAddress: string; isAvailable: boolean; problem: string | undefined }[];
  /** Envelopes that two nodes carry and charge. */
  doubles: bigint;
  /** Envelopes of unknown fate. */
  openAttempts: number;
  /** Receipts that are kept. */
  receipts: number;
  /** Calls on hold. */
  held: number;
  active: number;
}

export interface StatusServer extends WatchRoutes {
  status(): GatewayStatus;
  setHeadroom(units: bigint): void;
  /** Throws StampsError. */
  addWaiver(waiver: HandedWaiver): FreePass;
  voucherRow(): Uint8Array | undefined;
}

/** A waiver with 256 installations has 18 kB. */
const MOST_BODY_BYTES = 32_768;
const handedSchema = z.strictObject({ waiver: z.string(), installations: z.array(z.string()) });
/** What has amounts in it that nobody else is shown, or changes something. */
const FOR_THIS_MACHINE = new Set(["GET /voucher", "GET /metrics", "POST /headroom", "POST /waivers"]);
const NOT_LOCAL = { problem: "ask from the machine that the gateway runs on" };

/** Plain HTTP beside the RPCs: /status, /headroom, /waivers, /voucher, /health, /ready, /metrics. */
export function statusHandler(server: StatusServer, log: Log): HttpHandler {
  const watch = watchHandler(server, log);
  return (request, response) => {
    // Not every request target is a URL, and one that is not must not throw.
    const [pathname] = (request.url ?? "/").split("?");
    const answer = (status: number, body: object) => sendAnswer(response, jsonAnswer(body, status));
    const route = `${request.method} ${pathname}`;
    if (FOR_THIS_MACHINE.has(route) && !isLocalCaller(request)) return answer(403, NOT_LOCAL);
    switch (route) {
      case "GET /status":
        return answer(200, server.status());
      case "GET /health":
      case "GET /ready":
      case "GET /metrics":
        return watch(request, response);
      case "GET /voucher":
        return answer(200, { row: rowOf(server) });
      case "POST /headroom":
        return void setHeadroom(server, request, answer);
      case "POST /waivers":
        return void addWaiver(server, request, answer);
      default:
        return answer(404, { problem: "not found" });
    }
  };
}

function rowOf(server: StatusServer): string | null {
  const row = server.voucherRow();
  return row ? toHex(row) : null;
}

async function setHeadroom(
  server: StatusServer,
  request: IncomingMessage,
  answer: (code: number, body: object) => void,
): Promise<void> {
  try {
    const units = unitsOf(await bodyOf(request));
    if (units === undefined) return answer(400, { problem: 'send {"units":"<base units, decimal>"}' });
    server.setHeadroom(units);
    answer(200, { headroom: units });
  } catch {
    answer(400, { problem: `the body could not be read; it has at most ${MOST_BODY_BYTES} bytes` });
  }
}

async function addWaiver(
  server: StatusServer,
  request: IncomingMessage,
  answer: (code: number, body: object) => void,
): Promise<void> {
  try {
    const handed = handedSchema.parse(JSON.parse(await bodyOf(request)));
    const note = server.addWaiver(handed);
    answer(200, { inbox: note.inbox, ...(note.kind === "waiver" ? { waiverId: note.waiverId } : {}) });
  } catch (error) {
    const problem = 'send {"waiver":"<base64url>","installations":["<64 hex digits>"]}';
    answer(400, isStampsError(error) ? { problem: error.message, code: error.code } : { problem });
  }
}

function unitsOf(body: string): bigint | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const units = typeof value === "object" && value !== null && "units" in value ? value.units : undefined;
  if (typeof units !== "string" || !/^\d{1,20}$/.test(units)) return undefined;
  const parsed = BigInt(units);
  return parsed >> 64n === 0n ? parsed : undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > MOST_BODY_BYTES) throw new RangeError("body too large");
  }
  return body;
}
