// What must be read nowhere, and everywhere it could be read: the secrets that the tests of a file
// come to know, and the logs, answers and databases they leave. leak-check.ts compares the two
// after each file. Bot tokens, watch tokens, API keys, admin tokens, codes, the server secret and
// database passwords are secrets.

/** A secret, and what it is. */
export interface Secret {
  readonly kind: string;
  readonly value: string;
}

/** A text that must hold no secret, and where it was read. */
export interface Evidence {
  readonly where: string;
  readonly text: string;
}

/** A value that is shorter is too likely to stand somewhere by chance; no secret of Tapin's is. */
const SHORTEST_SECRET = 12;

/** Secrets that look like it, whether a test knows them or not. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/tapin_(?:live|watch|admin)_[A-Za-z0-9]{32}/, "a credential"],
  [/(?<!\d)\d{6,}:[A-Za-z0-9_-]{30,}/, "a bot token"],
];

const secrets = new Map<string, Secret>();
const evidence = new Map<string, Set<string>>();
const outputs: (() => Evidence)[] = [];
const found: string[] = [];

/** Every secret in every text, as a sentence that does not repeat it. */
export function findLeaks(texts: readonly Evidence[], known: readonly Secret[]): readonly string[] {
  return texts.flatMap(({ where, text }) => [
    ...known.flatMap(({ kind, value }) => leakAt(where, kind, { text, at: text.indexOf(value) })),
    ...SHAPES.flatMap(([shape, kind]) => leakAt(where, kind, { text, at: text.search(shape) })),
  ]);
}

function leakAt(
  where: string,
  kind: string,
  { text, at }: { text: string; at: number },
): readonly string[] {
  if (at === -1) return [];
  const before = JSON.stringify(text.slice(Math.max(0, at - 60), at));
  return [`${where} shows ${kind} after ${before}`];
}

/** From now on this is a secret. Anything but a text of 12 characters or more is none. */
export function learnSecret(kind: string, value: unknown): void {
  if (typeof value !== "string" || value.length < SHORTEST_SECRET) return;
  secrets.set(value, { kind, value });
}

/** The secrets among the settings of a service. */
export function learnSettings(env: Readonly<Record<string, string>>): void {
  const tokens = ["TELEGRAM_TOKEN", "MAX_TOKEN", "ADMIN_TOKEN", "METRICS_TOKEN"];
  for (const name of tokens) learnSecret(`TAPIN_${name}`, env[`TAPIN_${name}`]);
  for (const secret of (env.TAPIN_SECRET ?? "").split(",")) learnSecret("TAPIN_SECRET", secret);
  const { TAPIN_DATABASE_URL: url = "" } = env;
  if (URL.canParse(url)) learnSecret("the password of the database", new URL(url).password);
}

/** Keeps a text for the check. */
export function keepEvidence({ where, text }: Evidence): void {
  const texts = evidence.get(where) ?? new Set();
  evidence.set(where, texts.add(text));
}

/** Keeps what a process prints, all of it until the check. */
export function keepOutput(lines: readonly string[]): void {
  outputs.push(() => ({ where: "the output of a service", text: lines.map(shownOf).join("\n") }));
}

/** Searches a text that is too long to keep at once, for the secrets known so far. */
export function searchNow(text: Evidence): void {
  found.push(...findLeaks([text], [...secrets.values()]));
}

/** What has leaked; everything kept is forgotten. */
export function takeLeaks(): readonly string[] {
  const texts = [...evidence].map(([where, each]) => ({ where, text: [...each].join("\n") }));
  const leaks = findLeaks([...texts, ...outputs.map((read) => read())], [...secrets.values()]);
  evidence.clear();
  outputs.length = 0;
  return [...new Set([...found.splice(0), ...leaks])];
}

// The banner of the embedded mode shows the demo project's key and the admin token: that is its
// job.
const BANNER_LINE =
  /^ {2,}(?:API key {7}|Admin token {3}|curl -s .*Bearer |-H '.*Bearer )tapin_\w+/;

function shownOf(line: string): string {
  return BANNER_LINE.test(line) ? line.replaceAll(/tapin_\w+/g, "...") : line;
}

/** Fields of an answer whose job it is to tell a secret, with its kind. */
export type OwnFields = Readonly<Record<string, string>>;

/** Keeps an answer, except for these fields: what they tell is a secret from now on. */
export function keepAnswer(call: string, answer: unknown, own: OwnFields = {}): void {
  const text = JSON.stringify(answer, (name, value: unknown) => {
    const kind = own[name];
    if (kind === undefined) return value;
    learnSecret(kind, secretIn(value));
    return undefined;
  });
  keepEvidence({ where: `an answer of ${call}`, text: text ?? "" });
}

// The address behind a button is no secret, but for the code in it.
function secretIn(value: unknown): unknown {
  const isUrl = typeof value === "string" && URL.canParse(value);
  return isUrl ? new URL(value).searchParams.get("code") : value;
}

const OWN_FIELDS: readonly (readonly [RegExp, OwnFields])[] = [
  [/^POST \/v1\/auth\/session$/, { watch_token: "a watch token" }],
  [/^GET \/v1\/auth\/session\/[^/]+\/status$/, { code: "a code" }],
  [/^POST \/v1\/admin\/projects\/[^/]+\/keys$/, { api_key: "an API key" }],
  // The chat of a pretend person: the button with the code is theirs.
  [/^(?:GET|POST) \/v1\/sandbox\//, { url: "a code" }],
  [/AuthService\/CreateSession$/, { watchToken: "a watch token" }],
  [/AuthService\/(?:GetSessionStatus|WatchSession)$/, { code: "a code" }],
  [/AdminService\/CreateApiKey$/, { apiKey: "an API key" }],
  [/SandboxService\/\w+$/, { url: "a code" }],
];

/** What a call over HTTP was answered. */
export interface HttpAnswer {
  /** Method and path, such as `GET /v1/auth/link`. */
  readonly call: string;
  readonly status: number;
  readonly headers: Iterable<readonly [string, string]>;
  readonly text: string;
}

/** Keeps headers and body. A body that is no JSON is left to whoever can read it. */
export function keepHttpAnswer({ call, status, headers, text }: HttpAnswer): void {
  const all = [...headers];
  keepEvidence({ where: `the headers of ${call}`, text: JSON.stringify(all) });
  const isJson = all.some(
    ([name, value]) => name === "content-type" && /^application\/json\b/.test(value),
  );
  if (!isJson || text === "") return;
  const own = OWN_FIELDS.find(([pattern]) => pattern.test(call))?.[1];
  keepAnswer(call, JSON.parse(text), status < 400 ? own : {});
}
