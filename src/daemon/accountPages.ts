import type { Address } from "../protocol/bytes.ts";
import type { Account, LedgerStore } from "./ports.ts";

/** Every account of a ledger, a page at a time; what is opened meanwhile may be missed. */
export async function* accountPages(ledger: Pick<LedgerStore, "accounts">, size: number): AsyncGenerator<Account[]> {
  let after: Address | undefined;
  for (;;) {
    const page = await ledger.accounts(after, size);
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)!.channel;
  }
}
