/** Bounds of what one caller can make the node do. */
export const LIMITS = {
  /** Bytes of one request message; a batch of large payloads has to be split. */
  requestBytes: 8 * 1024 * 1024,
  envelopesPerPublish: 100,
  /** Topics, identifiers or filters in one request. */
  listLength: 10_000,
  originatorsPerRequest: 1_000,
  pageRows: 1_000,
  pageBytes: 4 * 1024 * 1024,
  /** libxmtp reads an inbox's whole log in one answer, of which it takes 25 MiB. */
  identityPageRows: 50_000,
  identityPageBytes: 24 * 1024 * 1024,
  /** Streams that are open at once, and the topics that they watch together. */
  streams: 5_000,
  watchedKeys: 1_000_000,
} as const;

/** The largest integer that SQLite holds. */
export const MAX_INT64 = 2n ** 63n - 1n;
