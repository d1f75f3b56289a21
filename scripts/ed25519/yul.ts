/** How numbers are written in Yul. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** `value` as `count` copies in lanes of `bits` each. */
export function repeated(value: bigint, bits: number, count: number): bigint {
  let lanes = 0n;
  for (let i = 0; i < count; i++) lanes = (lanes << BigInt(bits)) | value;
  return lanes;
}

/** Indents every line, so that what is generated can be read. */
export function indented(text: string, spaces: number): string {
  return text
    .split("\n")
    .map((line) => (line.trim() === "" ? "" : " ".repeat(spaces) + line))
    .join("\n");
}
