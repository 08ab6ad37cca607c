// `npm run doctor`: reads the settings as the service does, asks the running service how it is
// doing, and prints what to do about each problem. Exit code 1 when something is wrong.

import process from "node:process";
import { type Config, ConfigError, parseConfig } from "./config.ts";
import { openKeyring } from "./keyring.ts";

/** Milliseconds the service may take: it asks every messenger. */
const ANSWER_MS = 30_000;

interface Finding {
  readonly subject: string;
  readonly healthy: boolean;
  readonly problems: readonly string[];
}

async function examine(): Promise<readonly Finding[]> {
  try {
    const config = parseConfig(process.env);
    return [finding("settings", []), ...(await askService(config))];
  } catch (error) {
    if (error instanceof ConfigError) return [finding("settings", error.problems)];
    throw error;
  }
}

async function askService(config: Config): Promise<readonly Finding[]> {
  const url = urlOf(config);
  const token = config.adminToken ?? (await openKeyring(config.dataDir).read("admin-token"));
  if (token === null) {
    return [
      finding("service", ["It cannot be asked without TAPIN_ADMIN_TOKEN: set the same one."]),
    ];
  }
  try {
    const answer = await fetch(`${url}/v1/admin/doctor`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body = await answer.json();
    if (answer.ok) return [finding("service", []), ...body.findings];
    return [finding("service", [`It answered ${answer.status}: ${body.error}`])];
  } catch (error) {
    return [finding("service", [unreachedSentence(url, error)])];
  }
}

function unreachedSentence(url: string, error: unknown): string {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const code = String((cause as { code?: unknown } | undefined)?.code ?? message);
  if (/CERT|ISSUER|SELF_SIGNED|ALTNAME|SIGNATURE/i.test(code)) {
    return `This machine does not trust the certificate at ${url} (${code}): see NODE_EXTRA_CA_CERTS.`;
  }
  return `Nothing answers at ${url} (${code}). Is Tapin running there?`;
}

/** With TLS the certificate is for the public name, not for this machine. */
function urlOf({ host, port, tls, publicUrl }: Config): string {
  const anywhere = host === "0.0.0.0" || host === "::";
  const name = anywhere ? "127.0.0.1" : host.includes(":") ? `[${host}]` : host;
  if (tls !== null) return publicUrl ?? `https://${name}:${port}`;
  return `http://${name}:${port}`;
}

function finding(subject: string, problems: readonly string[]): Finding {
  return { subject, problems, healthy: problems.length === 0 };
}

const findings = await examine();
for (const { subject, healthy, problems } of findings) {
  process.stdout.write(`${healthy ? "ok  " : "BAD "} ${subject}\n`);
  for (const problem of problems) process.stdout.write(`       ${problem}\n`);
}
process.exitCode = findings.every(({ healthy }) => healthy) ? 0 : 1;
