import { fetchBounded, fetchJson, postOf, urlBelow } from "../../platform/fetchBounded.ts";
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
    fetchBounded(urlBelow(httpAddress, `${REPORTS_PATH}/${digest}/contents`), { signal }, MOST_CONTENTS_BYTES),
};

function post(httpAddress: string, path: string, body: object, signal: AbortSignal): Promise<unknown> {
  return fetchJson(httpAddress, `${REPORTS_PATH}/${path}`, postOf(body, signal), MOST_ANSWER_BYTES);
}
