// Prints what a test measured, where an issue asks for the figure itself and not only for a bound
// on it.

/** Prints one line, such as `figure: tap to completed on the other process: 12 ms`. */
export function printFigure(what: string, value: string): void {
  process.stdout.write(`figure: ${what}: ${value}\n`);
}

/** Milliseconds from now on, as text when asked. */
export function stopwatch(): { readonly ms: number; toString(): string } {
  const startedAt = performance.now();
  return {
    get ms() {
      return performance.now() - startedAt;
    },
    toString() {
      return `${Math.round(this.ms)} ms`;
    },
  };
}
