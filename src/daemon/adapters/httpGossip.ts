import { urlBelow } from "../../platform/fetchBounded.ts";
import { VOUCHERS_PATH } from "../http.ts";
import type { GossipTransport } from "../ports.ts";

/** Posts rows to the peer's registered address. */
export const httpGossip: GossipTransport = {
  async send(httpAddress, rows, signal) {
    const url = urlBelow(httpAddress, VOUCHERS_PATH);
    const headers = { "content-type": "application/octet-stream" };
    const response = await fetch(url, { method: "POST", body: Buffer.from(rows), headers, signal, redirect: "error" });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${url.href} answered ${response.status}`);
  },
};
