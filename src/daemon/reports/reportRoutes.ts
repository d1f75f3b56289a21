import { FairQueue, QueueFullError } from "../../platform/fairQueue.ts";
import type { HttpHandler } from "../../platform/grpcServer.ts";
import type { Log } from "../../platform/log.ts";
import { toAddress, toHex } from "../../protocol/bytes.ts";
import type { Hex } from "../../protocol/bytes.ts";
import { BadRequest, Binary, handler, readBody } from "../http.ts";
import { packContents } from "./contents.ts";
import type { ReportStamps } from "./stamps/stampRows.ts";
import { NO_STAMPS, Outcome, owedOf } from "./stamps/stampRows.ts";
import { CannotAttestError } from "./errors.ts";
import { answerToJson, channelsSchema, proposalSchema, questionSchema, replyToJson } from "./messages.ts";
import type { Proofs } from "./proofs.ts";
import type { Reporter } from "./reporter.ts";
import { reportToJson } from "../../protocol/report/reportJson.ts";

/** Below the node's registered address. */
export const REPORTS_PATH = "/reports";
/** A proposal with the vouchers of 10,000 channels. */
const MOST_BODY_BYTES = 8 * 1024 * 1024;
/** Reports that a list shows. */
const SHOWN = 50;
const DIGEST = /^\/reports\/(0x[0-9a-f]{64})(?:\/(.*))?$/;
const RANGE = /^ranges\/(\d{1,10})$/;
const ENTRY = /^ranges\/(\d{1,10})\/(\d{1,20})$/;
const CHARGE = /^charges\/(0x[0-9a-fA-F]{40})$/;
const PAYOUT = /^payouts\/(0x[0-9a-fA-F]{40})$/;
const USAGE = /^usage\/(0x[0-9a-fA-F]{40})$/;
/** Proofs read and hash thousands of leaves, whole reports are large: few at once, by turns among callers. */
const SERVING = { concurrency: 2, mostPerKey: 16, mostInAll: 256, startsPerTurn: 1 };

/** What other daemons ask about the report that is due, and anybody about those that there are. */
export function reportsHandler(reporter: Pick<Reporter, "desk" | "store">, proofs: Proofs, log: Log): HttpHandler {
  const { desk, store } = reporter;
  const serving = new FairQueue(SERVING);
  return handler(log, async (request, path) => {
    const caller = request.socket.remoteAddress ?? "";
    try {
      if (request.method === "GET") return await serving.run(caller, () => served(path));
      if (request.method !== "POST") return undefined;
      const body = async () => json(await readBody(request, MOST_BODY_BYTES));
      switch (path) {
        case `${REPORTS_PATH}/questions`:
          return answerToJson(await desk.answer(read(questionSchema, await body()), caller));
        case `${REPORTS_PATH}/proposals`:
          return replyToJson(await desk.judge(read(proposalSchema, await body())));
        case `${REPORTS_PATH}/vouchers`:
          return { vouchers: toHex(await desk.vouchers(read(channelsSchema, await body()).channels, caller)) };
        default:
          return undefined;
      }
    } catch (error) {
      if (error instanceof CannotAttestError) throw new BadRequest(`${error.why}: ${error.message}`);
      if (error instanceof QueueFullError) throw new BadRequest("too many ask about reports at once: ask again later");
      throw error;
    }
  });

  async function served(path: string): Promise<object | undefined> {
    if (path === REPORTS_PATH) return { reports: await store.latest(SHOWN) };
    const [, digest, rest = ""] = (DIGEST.exec(path) ?? []) as unknown as [string, Hex | undefined, string | undefined];
    if (!digest) return undefined;
    if (rest === "contents") {
      const contents = await store.get(digest);
      return contents && new Binary(packContents(contents));
    }
    if (rest === "") return summary(digest);
    const [, channel] = USAGE.exec(rest) ?? [];
    if (channel) return proofs.usage(digest, toAddress(channel));
    const [, charged] = CHARGE.exec(rest) ?? [];
    if (charged) return proofs.charge(digest, toAddress(charged));
    const [, account] = PAYOUT.exec(rest) ?? [];
    if (account) return proofs.payout(digest, toAddress(account));
    const [, originator] = RANGE.exec(rest) ?? [];
    if (originator) return proofs.range(digest, Number(originator));
    const [, entryOf, sequenceId] = ENTRY.exec(rest) ?? [];
    return entryOf ? proofs.entry(digest, Number(entryOf), BigInt(sequenceId!)) : undefined;
  }

  async function summary(digest: Hex): Promise<object | undefined> {
    const [contents, standing] = await Promise.all([store.get(digest), store.summary(digest)]);
    if (!contents) return undefined;
    const { report, ranges, debits, usage, stamps = NO_STAMPS } = contents;
    return {
      ...standing,
      report: reportToJson(report),
      ranges,
      debits,
      channels: usage.count,
      stamps: countsOf(stamps),
    };
  }
}

function countsOf({ rows, charges, payouts }: ReportStamps): object {
  const open = rows.filter(({ outcome }) => outcome === Outcome.open).length;
  return { open, charged: owedOf(charges).length, payouts: payouts.length };
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new BadRequest("this is no JSON");
  }
}

function read<T>(schema: { parse(value: unknown): T }, value: unknown): T {
  try {
    return schema.parse(value);
  } catch {
    throw new BadRequest("this is not what is asked for here");
  }
}
