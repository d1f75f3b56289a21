import type { IncomingMessage, ServerResponse } from "node:http";

import type { HttpHandler } from "../../../src/platform/grpcServer.ts";
import type { ReportPeers } from "../../../src/daemon/reports/ports.ts";
import {
  answerFromJson,
  proposalToJson,
  questionToJson,
  replyFromJson,
  vouchersSchema,
} from "../../../src/daemon/reports/messages.ts";
import { REPORTS_PATH } from "../../../src/daemon/reports/reportRoutes.ts";
import { utf8ToBytes } from "../../../src/protocol/bytes.ts";

/** Finds the routes of a node's daemon, or throws: it does not run, or cannot be reached. */
type Reach = (httpAddress: string) => Promise<HttpHandler>;

/** What `httpReports` is over sockets: the same bytes into the same routes. */
export function simReportPeers(from: number, reach: Reach): ReportPeers {
  const post = async (httpAddress: string, path: string, body: object): Promise<unknown> => {
    const bytes = await call(await reach(httpAddress), from, "POST", path, utf8ToBytes(JSON.stringify(body)));
    return JSON.parse(new TextDecoder().decode(bytes));
  };
  return {
    ask: async (at, question) => answerFromJson(await post(at, "questions", questionToJson(question)), question),
    propose: async (at, proposal) => replyFromJson(await post(at, "proposals", proposalToJson(proposal))),
    vouchers: async (at, channels) => vouchersSchema.parse(await post(at, "vouchers", { channels })).vouchers,
    contents: async (at, digest) => call(await reach(at), from, "GET", `${digest}/contents`),
  };
}

function call(
  handler: HttpHandler,
  from: number,
  method: string,
  path: string,
  body = new Uint8Array(),
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let status = 0;
    const response = {
      writeHead: (code: number) => ((status = code), response),
      end: (answer: Uint8Array | string) => {
        if (status === 200) resolve(typeof answer === "string" ? utf8ToBytes(answer) : answer);
        else reject(new Error(`${status}: ${String(answer)}`));
      },
    };
    const request = {
      method,
      url: `${REPORTS_PATH}/${path}`,
      socket: { remoteAddress: String(from) },
      async *[Symbol.asyncIterator]() {
        yield body;
      },
    };
    handler(request as unknown as IncomingMessage, response as unknown as ServerResponse);
  });
}

/** The node at an address of the simulated registry. */
export function idOf(httpAddress: string): number {
  return Number(/\d+$/.exec(httpAddress)![0]);
}
