/** Where a command speaks. */
export interface Output {
  /** What was asked for, on standard output. */
  out(text: string): void;
  /** Progress and problems, on standard error. */
  err(text: string): void;
}
