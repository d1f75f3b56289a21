/** SQLite files in a data directory. */
export const LEDGER = "ledger.sqlite";
export const NODE = "node.sqlite";
export const DATABASES = { ledger: LEDGER, node: NODE };
