// The doctor: what it says when all is well, and what when something is not; by AdminService and by
// the command.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BotApi, startBotApi } from "../support/bot-api.ts";
import { restFetch } from "../support/rest-client.ts";
import { type Stage, startStage } from "../support/story-stage.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let api: BotApi;
let stage: Stage;
beforeAll(async () => {
  api = await startBotApi(["GatewayBot"]);
  stage = await startStage({ env: api.env });
  await stage.project({ slug: "my-shop" });
});
afterAll(async () => {
  await stage?.stop();
  await api?.close();
});

/** Runs the command with the settings of the service; its exit code and what it prints. */
function command(settings: Record<string, string> = {}): Promise<{ code: number; output: string }> {
  const env = {
    PATH: process.env.PATH ?? "",
    TAPIN_PORT: new URL(stage.url).port,
    TAPIN_ADMIN_TOKEN: stage.tapin.adminToken,
    ...settings,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, ["src/doctor.ts"], { cwd: root, env }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout });
    });
  });
}

describe("Diagnose", () => {
  it("finds everything healthy", async () => {
    expect(await stage.admin("GET", "doctor")).toEqual({
      healthy: true,
      findings: [
        { subject: "database", healthy: true, problems: [] },
        { subject: "clock", healthy: true, problems: [] },
        { subject: "bot telegram @GatewayBot", healthy: true, problems: [] },
        { subject: "project my-shop", healthy: true, problems: [] },
      ],
    });
  });

  it("wants the admin token", async () => {
    for (const bearer of [null, "tapin_admin_of_somebody_else"]) {
      const response = await restFetch(`${stage.url}/v1/admin/doctor`, { bearer });
      expect([bearer, response.status]).toEqual([bearer, 401]);
    }
  });

  it("the command says the same, and ends with 0", async () => {
    const { code, output } = await command();
    expect({ code, lines: output.trim().split("\n") }).toEqual({
      code: 0,
      lines: [
        "ok   settings",
        "ok   service",
        "ok   database",
        "ok   clock",
        "ok   bot telegram @GatewayBot",
        "ok   project my-shop",
      ],
    });
  });

  it("the command says which setting is wrong, and that nobody answers", async () => {
    const unset = await command({ TAPIN_PROT: "1" });
    expect(unset.code).toBe(1);
    expect(unset.output).toContain("TAPIN_PROT is no setting; the nearest one is TAPIN_PORT.");
    // The discard port of RFC 863: nothing listens there.
    const nobody = await command({ TAPIN_PORT: "9" });
    expect(nobody.code).toBe(1);
    expect(nobody.output).toMatch(/Nothing answers at http:\/\/127\.0\.0\.1:9 .*Is Tapin running/);
  });

  it("says what to do about a project without a callback URL and a refused token", async () => {
    await stage.project({ slug: "half-made", callback_url: null });
    const bot = api.bot(0);
    bot.tokenValid = false;
    try {
      const { healthy, findings } = await stage.admin("GET", "doctor");
      expect(healthy).toBe(false);
      const ill = (findings as { subject: string; healthy: boolean; problems: string[] }[]).filter(
        (finding) => !finding.healthy,
      );
      expect(ill).toEqual([
        {
          subject: "bot telegram @GatewayBot",
          healthy: false,
          problems: [expect.stringMatching(/token is refused: set a valid one/)],
        },
        {
          subject: "project half-made",
          healthy: false,
          problems: [expect.stringMatching(/^callback_url is not set/)],
        },
      ]);
      const { code, output } = await command();
      expect(code).toBe(1);
      expect(output).toContain("BAD  project half-made");
      expect(output + JSON.stringify(findings)).not.toContain(bot.token.split(":")[1]);
    } finally {
      bot.tokenValid = true;
    }
  });
});
