import { concatBytes } from "../../protocol/bytes.ts";
import { MOST_CONTENTS_BYTES } from "../reports/contents.ts";
import { answerFromJson, proposalToJson, questionToJson, replyFromJson, vouchersSchema } from "../reports/messages.ts";
import type { ReportPeers } from "../reports/ports.ts";
import { REPORTS_PATH } from "../reports/reportRoutes.ts";

/** Answers to questions; the largest has 512 ranges and 2,048 ends. */
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;

/** Asks daemons at their nodes' registered addresses. */
export const httpReports: ReportPeers = {
  async ask(httpAddress, question, signal) {
    return answerFromJson(await post(httpAddress, "questions", questionToJson(question), signal), question);
  },

  async propose(httpAddress, proposal, signal) {
    return replyFromJson(await post(httpAddress, "proposals", proposalToJson(proposal), signal));
  },

  async vouchers(httpAddress, channels, signal) {
    return vouchersSchema.parse(await post(httpAddress, "vouchers", { channels }, signal)).vouchers;
  },

  contents: (httpAddress, digest, signal) =>
    call(urlOf(httpAddress, `${digest}/contents`), { signal }, MOST_CONTENTS_BYTES),
};

async function post(httpAddress: string, path: string, body: object, signal: AbortSignal): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", body: JSON.stringify(body), headers, signal };
  return JSON.parse(new TextDecoder().decode(await call(urlOf(httpAddress, path), request, MOST_ANSWER_BYTES)));
}

function urlOf(httpAddress: string, path: string): URL {
  return new URL(`${httpAddress.replace(/\/+$/, "")}${REPORTS_PATH}/${path}`);
}

/** Reads no more than so many bytes, whatever the peer sends. */
async function call(url: URL, request: RequestInit, most: number): Promise<Uint8Array> {
  const response = await fetch(url, { ...request, redirect: "error" });
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new Error(`${url.href} answered ${response.status}`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > most) throw new Error(`${url.href} answered more than ${most} bytes`);
    parts.push(part);
  }
  return concatBytes(...parts);
}
