// The banner of the embedded mode: where to click, and three calls to copy.

import type { Gateway } from "./gateway.ts";

/** Lines to print once Tapin is ready; empty when there is nothing to try. */
export function bannerOf({ localUrl, publicUrl, demoApiKey, adminToken }: Gateway): string {
  const lines = ["", "  Tapin is ready."];
  if (demoApiKey !== null) lines.push(...demoLines(localUrl, publicUrl, demoApiKey));
  if (adminToken !== null) lines.push("", `  Admin token   ${adminToken}`);
  return `${lines.join("\n")}\n\n`;
}

function demoLines(localUrl: string, publicUrl: string, apiKey: string): readonly string[] {
  const rpc = `${localUrl}/tapin.auth.v1.AuthService`;
  return [
    "",
    `  Demo website  ${publicUrl}/demo     <- open this, click, log in`,
    `  API key       ${apiKey}     (project "demo")`,
    "",
    "  JSON REST",
    `    curl -s ${localUrl}/v1/auth/session -H 'Authorization: Bearer ${apiKey}' \\`,
    `      -H 'Content-Type: application/json' -d '{"state":"hello"}'`,
    "  Connect, JSON",
    `    curl -s ${rpc}/CreateSession -H 'Authorization: Bearer ${apiKey}' \\`,
    `      -H 'Content-Type: application/json' -d '{"state":"hello"}'`,
    "  gRPC",
    "    npx buf curl --protocol grpc --http2-prior-knowledge --schema proto \\",
    `      -H 'Authorization: Bearer ${apiKey}' -d '{"state":"hello"}' ${rpc}/CreateSession`,
  ];
}
