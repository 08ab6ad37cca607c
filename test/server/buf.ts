// Runs the `buf` of the dependencies in the project's folder: connect-go, a client that is not
// ours.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a command came to. */
export interface Ran {
  /** For `buf curl` the RPC code times eight; 0 when all is well. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `buf` with these arguments, to its end. */
export function runBuf(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(`${ROOT}node_modules/.bin/buf`, args, { cwd: ROOT }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
  });
}
