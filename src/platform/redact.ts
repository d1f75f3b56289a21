/** Strings in fields of fields; what is deeper is not looked at and not logged. */
const MOST_DEPTH = 4;
const HIDDEN = "[hidden]";
const URL = /\b([a-z][a-z0-9+.-]*):\/\/([^\s/?#"'@]*@)?([^\s/?#"']*)([^\s?#"']*)(\?[^\s#"']*)?/gi;
/** Part of a path that somebody paid for: endpoints of chains carry their key there. */
const TOKEN = /^(?=.*[0-9])[A-Za-z0-9_-]{16,}$/;
/** Hex above 64 bytes and base64url above 64: signatures, vouchers, envelopes. Hashes, digests and addresses are shorter. */
const LONG_HEX = /\b(0x)?[0-9a-f]{129,}\b/gi;
const LONG_BASE64 = /[A-Za-z0-9_+/-]{88,}={0,2}/g;

/**
 * A copy of what goes into a log, without what is nobody's business: passwords and keys in addresses, bytes of vouchers
 * and signatures, and the secrets that are known by name.
 * @param secrets each is hidden wherever it stands; of an address its host stays
 */
export function redactor(secrets: readonly string[] = []): (value: unknown) => unknown {
  const known = secrets.filter((secret) => secret.length > 0).sort((a, b) => b.length - a.length);
  const hide = (text: string): string => {
    const named = known.reduce((rest, secret) => rest.replaceAll(secret, withoutSecrets(secret, HIDDEN)), text);
    return named
      .replace(URL, (url) => withoutSecrets(url, url))
      .replace(LONG_HEX, HIDDEN)
      .replace(LONG_BASE64, HIDDEN);
  };
  const copy = (value: unknown, depth: number): unknown => {
    if (typeof value === "string") return hide(value);
    if (typeof value === "bigint") return value.toString();
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    if (value instanceof Error) return hide(String(value));
    if (typeof value !== "object" || value === null) return value;
    if (depth >= MOST_DEPTH) return HIDDEN;
    if (Array.isArray(value)) return value.map((one) => copy(one, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, copy(one, depth + 1)]));
  };
  return (value) => copy(value, 0);
}

/** An address with its host and what is plain of its path. `otherwise` for what is none. */
function withoutSecrets(text: string, otherwise: string): string {
  const match = [...text.matchAll(URL)][0];
  if (!match || match[0] !== text) return otherwise;
  const [, scheme, , host, path] = match as unknown as [string, string, string | undefined, string, string];
  const plain = path.split("/").map((part) => (TOKEN.test(part) ? HIDDEN : part));
  return `${scheme}://${host}${plain.join("/")}`;
}
