import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

interface RpcCall {
  id: number;
  method: string;
  params: unknown[];
}
type RpcBlock = Record<string, unknown> & { number: string; hash: string };
type RpcLog = Record<string, unknown> & { blockNumber: string };

/** What goes wrong. Everything is passed through while nothing is set. */
export interface RpcFaults {
  /** The faults below hold for requests with a call of one of these methods; for all when absent. */
  methods?: readonly string[];
  delayMs?: number;
  /** Answers this HTTP status and nothing else. */
  status?: number;
  /** Closes the connection in the middle of the answer. */
  drop?: boolean;
  /** Answers this text. */
  garbage?: string;
  /** Answers JSON of so many bytes. */
  hugeBytes?: number;
  /** Refuses each call with this message, as the chain would. */
  refusal?: string;
  chainId?: number;
  /** Stands still here: newer blocks, their logs and states are unknown to it. */
  frozenAt?: number;
  /** The hash it names for the block that is so far below the newest, however it is asked for it. */
  finalized?: { depth: number; hash: string };
  /** What it makes of a list of logs. */
  logs?: (logs: RpcLog[]) => RpcLog[];
  /** Receipts come without events. */
  stripsReceipts?: boolean;
  /** What it makes of a method's result, after everything else. */
  results?: Record<string, (result: unknown, params: unknown[]) => unknown>;
}

export interface RpcProxy {
  url: string;
  /** Set or clear at any time; each request looks anew. */
  faults: RpcFaults;
  /** Methods that were asked, in order; one list per HTTP request. */
  readonly requests: string[][];
  close(): Promise<void>;
}

/** An endpoint in front of another one, which lies and breaks as a test wants. */
export async function startRpcProxy(target: string): Promise<RpcProxy> {
  const requests: string[][] = [];
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  const proxy: RpcProxy = { url: "", faults: {}, requests, close: () => close(server) };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as RpcCall | RpcCall[];
    const calls = Array.isArray(body) ? body : [body];
    requests.push(calls.map(({ method }) => method));
    const { methods, ...rest } = proxy.faults;
    const faults = !methods || calls.some(({ method }) => methods.includes(method)) ? rest : {};
    if (faults.delayMs) await new Promise((resolve) => setTimeout(resolve, faults.delayMs));
    if (faults.status) return void response.writeHead(faults.status).end();
    response.setHeader("content-type", "application/json");
    if (faults.drop) {
      response.write('{"jsonrpc":"2.0","id":');
      return void setImmediate(() => response.destroy());
    }
    if (faults.garbage !== undefined) return void response.end(faults.garbage);
    if (faults.hugeBytes) return void huge(response, calls[0]!.id, faults.hugeBytes);
    const answers = await Promise.all(calls.map((call) => answer(call, faults)));
    response.end(JSON.stringify(Array.isArray(body) ? answers : answers[0]));
  }

  async function answer({ id, method, params }: RpcCall, faults: RpcFaults): Promise<object> {
    if (faults.refusal !== undefined) return { jsonrpc: "2.0", id, error: { code: -32_000, message: faults.refusal } };
    try {
      const real = await ask(target, method, await frozen(method, params, faults));
      const result = await distort(method, real, faults);
      const last = faults.results?.[method];
      return { jsonrpc: "2.0", id, result: last ? last(result, params) : result };
    } catch (error) {
      return {
        jsonrpc: "2.0",
        id,
        error: (error as { rpc?: object }).rpc ?? { code: -32_000, message: String(error) },
      };
    }
  }

  /** The question as one asks it who knows nothing above a block. */
  async function frozen(method: string, params: unknown[], { frozenAt }: RpcFaults): Promise<unknown[]> {
    if (frozenAt === undefined) return params;
    const limit = `0x${frozenAt.toString(16)}`;
    const clip = (tag: unknown) => (/^0x/.test(String(tag)) && Number(tag) <= frozenAt ? tag : limit);
    if (method === "eth_getLogs") {
      const filter = params[0] as Record<string, unknown>;
      return [{ ...filter, toBlock: clip(filter.toBlock) }];
    }
    const tag = params[0];
    if (method === "eth_getBlockByNumber" && typeof tag === "string" && !tag.startsWith("0x"))
      return [limit, params[1]];
    const hash = (params[1] as { blockHash?: string } | undefined)?.blockHash;
    if (method === "eth_call" && hash !== undefined) {
      const block = (await ask(target, "eth_getBlockByHash", [hash, false])) as RpcBlock | null;
      if (!block || Number(block.number) > frozenAt) throw new Error("header not found");
    }
    return params;
  }

  async function distort(method: string, result: unknown, faults: RpcFaults): Promise<unknown> {
    if (method === "eth_chainId" && faults.chainId !== undefined) return `0x${faults.chainId.toString(16)}`;
    if (method === "eth_getLogs" && faults.logs) return faults.logs(result as RpcLog[]);
    if (method === "eth_getTransactionReceipt" && result && faults.stripsReceipts) return { ...result, logs: [] };
    if (method !== "eth_getBlockByNumber" || !result) return result;
    const block = result as RpcBlock;
    if (faults.frozenAt !== undefined && Number(block.number) > faults.frozenAt) return null;
    if (!faults.finalized) return result;
    const final = Number(await ask(target, "eth_blockNumber", [])) - faults.finalized.depth;
    return Number(block.number) === final ? { ...block, hash: faults.finalized.hash } : block;
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

async function ask(target: string, method: string, params: unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await fetch(target, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (error) throw Object.assign(new Error(error.message), { rpc: error });
  return result;
}

async function text(request: IncomingMessage): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of request as AsyncIterable<Uint8Array>) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

function huge(response: ServerResponse, id: number, bytes: number): void {
  const part = "f".repeat(1 << 20);
  response.write(`{"jsonrpc":"2.0","id":${id},"result":"0x`);
  const more = (left: number) => {
    if (response.destroyed) return;
    if (left <= 0) return void response.end('"}');
    response.write(part, () => more(left - part.length));
  };
  more(bytes);
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
