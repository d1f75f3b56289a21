import { toBase64Url, utf8ToBytes } from "../bytes.ts";

/** Printable ASCII between quotes, with the escapes of one character. */
const STRING = String.raw`"(?:[ !#-\[\]-~]|\\["\\/bfnrt])*"`;
const NAME = String.raw`"(?!(?:type|challenge|origin)":)[ !#-\[\]-~]*"`;
const REST = new RegExp(`^${STRING}(?:,${NAME}:(?:true|false|${STRING}))*}$`);

/**
 * Whether the client data of a WebAuthn assertion says that a passkey was asked to sign `text`: `type`, the text as
 * `challenge` and `origin` come first, and what follows are strings, true and false by names of their own. libxmtp parses
 * the whole JSON, and a name that comes twice fails there: what passes here has one reading.
 */
export function asksFor(clientDataJson: Uint8Array, text: string): boolean {
  const json = new TextDecoder("latin1").decode(clientDataJson);
  const opening = `{"type":"webauthn.get","challenge":"${toBase64Url(utf8ToBytes(text))}","origin":`;
  return json.startsWith(opening) && REST.test(json.slice(opening.length));
}
