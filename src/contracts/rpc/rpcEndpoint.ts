import type { JsonRpcError, JsonRpcPayload, JsonRpcResult } from "ethers";

import type { Clock } from "../../platform/clock.ts";
import type { CallCounter } from "./callCounter.ts";
import { RpcError } from "./rpcTransport.ts";
import type { RpcTransport } from "./rpcTransport.ts";

/** An endpoint that serves another chain than the deployment's. It is not used until it says otherwise. */
export class WrongChainError extends RpcError {
  override readonly name = "WrongChainError";
}

export interface RpcEndpointOptions {
  /** What logs and alarms call it. */
  name: string;
  chainId: number;
  transport: RpcTransport;
  clock: Clock;
  calls: CallCounter;
}

/** Behind one address there may be many machines, and one of them may be set up wrongly later on. */
const CHAIN_ID_EVERY_MS = 600_000;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
const CHAIN_ID_CALL = 0;

/** One endpoint of the chain: what it answers is well formed and of the right chain, or an RpcError. */
export class RpcEndpoint {
  readonly #options: RpcEndpointOptions;
  #chainCheckedAt: number | undefined;
  #failures = 0;
  #restsUntil = 0;

  constructor(options: RpcEndpointOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** When it may be asked again after failures, in elapsed time; in the past while it is well. */
  get restsUntil(): number {
    return this.#restsUntil;
  }

  /** Answers each call of a batch, in any order. A call that the chain refuses is an answer too. */
  async send(calls: readonly JsonRpcPayload[]): Promise<(JsonRpcResult | JsonRpcError)[]> {
    const { clock, calls: counter, name } = this.#options;
    const isCheckDue =
      this.#chainCheckedAt === undefined || clock.elapsed() - this.#chainCheckedAt >= CHAIN_ID_EVERY_MS;
    const batch = isCheckDue ? [chainIdCall(), ...calls] : calls;
    counter.asked(
      name,
      batch.map(({ method }) => method),
    );
    try {
      const answers = await this.#ask(batch);
      if (isCheckDue) this.#checkChain(answers);
      this.#failures = 0;
      this.#restsUntil = 0;
      return answers.filter(({ id }) => id !== CHAIN_ID_CALL);
    } catch (error) {
      counter.failed(name);
      // Whoever answers next may be another machine.
      this.#chainCheckedAt = undefined;
      this.#restsUntil = clock.elapsed() + Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(this.#failures, 6));
      this.#failures++;
      throw error;
    }
  }

  async #ask(batch: readonly JsonRpcPayload[]): Promise<(JsonRpcResult | JsonRpcError)[]> {
    const { name, transport } = this.#options;
    const body = await transport(JSON.stringify(batch.length === 1 ? batch[0] : batch));
    const answers = Array.isArray(body) ? (body as unknown[]) : [body];
    const found = new Map<number, JsonRpcResult | JsonRpcError>();
    for (const answer of answers) if (isAnswer(answer)) found.set(answer.id, answer);
    const whole = batch.map(({ id }) => found.get(id));
    if (whole.some((answer) => answer === undefined)) {
      const [refusal] = answers as ({ error?: { message?: unknown } } | undefined)[];
      const why = typeof refusal?.error?.message === "string" ? `: ${refusal.error.message.slice(0, 200)}` : "";
      throw new RpcError(`${name} did not answer ${batch.length} calls with as many results${why}`);
    }
    return whole as (JsonRpcResult | JsonRpcError)[];
  }

  #checkChain(answers: readonly (JsonRpcResult | JsonRpcError)[]): void {
    const { name, chainId, clock } = this.#options;
    const answer = answers.find(({ id }) => id === CHAIN_ID_CALL)!;
    if ("error" in answer) {
      throw new RpcError(`${name} does not say which chain it serves: ${answer.error.message ?? "no reason given"}`);
    }
    const found = String(answer.result);
    if (!/^0x[0-9a-f]{1,13}$/i.test(found) || Number(found) !== chainId) {
      throw new WrongChainError(`${name} serves chain ${found}, not ${chainId}: it is not used, correct its address`);
    }
    this.#chainCheckedAt = clock.elapsed();
  }
}

function chainIdCall(): JsonRpcPayload {
  return { jsonrpc: "2.0", id: CHAIN_ID_CALL, method: "eth_chainId", params: [] };
}

function isAnswer(value: unknown): value is JsonRpcResult | JsonRpcError {
  if (typeof value !== "object" || value === null) return false;
  const { id, result, error } = value as { id?: unknown; result?: unknown; error?: unknown };
  return typeof id === "number" && (result !== undefined || (typeof error === "object" && error !== null));
}
