import { NETWORK_VIEW_PATH, PAYER_VIEW_PATH, CONSOLE_PATH } from "../../console/views.ts";
import { ConsoleFiles, acceptsGzip, consoleJson } from "../../platform/consoleFiles.ts";
import type { HttpHandler } from "../../platform/grpcServer.ts";
import type { HttpAnswer } from "../../platform/httpAnswer.ts";
import { sendAnswer } from "../../platform/httpAnswer.ts";
import { isLocalCaller } from "../../platform/localCaller.ts";
import type { Log } from "../../platform/log.ts";
import type { PayerConsole } from "./payerConsole.ts";

/** The console beside the RPCs: its page for everybody, what it shows for this machine only. Other paths go on. */
export function consoleHandler(console: PayerConsole, log: Log, next: HttpHandler): HttpHandler {
  const files = new ConsoleFiles("gateway");
  return (request, response) => {
    const [path = "/"] = (request.url ?? "/").split("?");
    if (request.method !== "GET" || (path !== CONSOLE_PATH && !path.startsWith(`${CONSOLE_PATH}/`))) {
      return next(request, response);
    }
    // The RPCs on this port are for pages of any origin, this is for none.
    for (const name of response.getHeaderNames().filter((one) => one.startsWith("access-control-"))) {
      response.removeHeader(name);
    }
    const answer = (one: HttpAnswer) => sendAnswer(response, one);
    const page = files.answer(path, acceptsGzip(request));
    if (page) return answer(page);
    if (path !== PAYER_VIEW_PATH && path !== NETWORK_VIEW_PATH) return next(request, response);
    if (!isLocalCaller(request)) {
      return answer({ ...consoleJson({ problem: "ask from the machine that the gateway runs on" }), status: 403 });
    }
    const read: Promise<object> = path === NETWORK_VIEW_PATH ? console.network() : console.view();
    read
      .then((view) => answer(consoleJson(view)))
      .catch((error: unknown) => {
        log.error({ path, error: String(error) }, "the console could not be answered");
        answer({ ...consoleJson({ problem: "the gateway could not do this: see its log" }), status: 500 });
      });
  };
}
