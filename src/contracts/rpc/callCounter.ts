/** Calls that an endpoint was asked, and how it served them. */
export interface EndpointCalls {
  /** HTTP requests; a batch is one. */
  requests: number;
  /** Requests without a usable answer. */
  failures: number;
  /** JSON-RPC calls by method: what operators pay for. */
  methods: Record<string, number>;
}

/** Counts what the chain's endpoints are asked, by endpoint and method. */
export class CallCounter {
  readonly #endpoints = new Map<string, EndpointCalls>();

  asked(endpoint: string, methods: readonly string[]): void {
    const calls = this.#of(endpoint);
    calls.requests++;
    for (const method of methods) calls.methods[method] = (calls.methods[method] ?? 0) + 1;
  }

  failed(endpoint: string): void {
    this.#of(endpoint).failures++;
  }

  /** Since the process started, by endpoint. */
  snapshot(): Record<string, EndpointCalls> {
    return Object.fromEntries(
      [...this.#endpoints].map(([name, calls]) => [name, { ...calls, methods: { ...calls.methods } }]),
    );
  }

  #of(endpoint: string): EndpointCalls {
    const calls = this.#endpoints.get(endpoint) ?? { requests: 0, failures: 0, methods: {} };
    this.#endpoints.set(endpoint, calls);
    return calls;
  }
}
