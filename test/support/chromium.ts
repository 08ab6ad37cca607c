// Finds a Chromium and launches it, for every test that needs a real browser, and examines a page
// with axe-core. What a page must show is the business of the tests.

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packaged from "@sparticuz/chromium";
import { type Browser, chromium, type Page } from "playwright-core";

/** Where Debian's package puts it. */
const DEBIAN_CHROMIUM = "/usr/bin/chromium";

// Playwright adds what keeps a browser from calling home and from its own sandbox. The arguments
// that the npm package recommends are for another place: --single-process ends the browser with its
// first page, and --disable-web-security would let pages do what no browser lets them do.
const ARGUMENTS = ["--disable-gpu", "--disable-domain-reliability", "--font-render-hinting=none"];

/**
 * Launches a Chromium without a window: CHROMIUM_PATH, else Debian's, else the one inside
 * @sparticuz/chromium, which is unpacked once (about 3 s). The caller closes it. Rejects when none
 * can be started.
 */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({ executablePath: await findChromium(), args: ARGUMENTS });
}

/**
 * The rules of axe-core (WCAG A and AA, best practices) that the page breaks as it is now, one line
 * for each place; empty when there are none.
 */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  const axe = await readFile(new URL(import.meta.resolve("axe-core/axe.min.js")), "utf8");
  // Past the page's policy, as an extension would: the policy is what the page lives under, not the
  // examiner.
  return await page.evaluate(`${axe}; axe.run().then(({ passes, violations }) => {
    if (passes.length === 0) throw new Error("axe-core checked nothing");
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ": " + html));
  })`);
}

async function findChromium(): Promise<string> {
  const { CHROMIUM_PATH: path = "" } = process.env;
  if (path !== "") return path;
  return existsSync(DEBIAN_CHROMIUM) ? DEBIAN_CHROMIUM : await unpackChromium();
}

/**
 * Unpacks into a folder of our own and gives it its name when it is whole: the package's own way
 * takes a file that another process is still writing.
 */
async function unpackChromium(): Promise<string> {
  const manifest = new URL("../package.json", import.meta.resolve("@sparticuz/chromium"));
  const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
  const folder = join(tmpdir(), `tapin-chromium-${version}`);
  const executable = join(folder, "chromium");
  if (existsSync(executable)) return executable;
  const making = await mkdtemp(`${folder}-`);
  const { TMPDIR } = process.env;
  process.env.TMPDIR = making;
  try {
    await packaged.executablePath();
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  }
  try {
    await rename(making, folder);
  } catch (error) {
    // Another process was faster; a folder with something in it is not replaced.
    await rm(making, { recursive: true, force: true });
    if (!existsSync(executable)) throw error;
  }
  return executable;
}
