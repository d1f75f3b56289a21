/** RFC 4180, with amounts as whole numbers of base units: what a spreadsheet adds up is what the ledger has. */
export function csv(rows: readonly object[], columns: readonly string[]): string {
  const lines = rows.map((row) => columns.map((column) => cell((row as Record<string, unknown>)[column])).join(","));
  return [columns.join(","), ...lines, ""].join("\r\n");
}

function cell(value: unknown): string {
  const isPlain = typeof value === "string" || typeof value === "bigint";
  const text = isPlain || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
