// The catalogue of settings: name, default and meaning of each, once. How they are read and checked
// is not here but in config.ts.

/** One setting, as the README and `docs/settings.md` list it. */
export interface SettingDoc {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
}

/** Every setting of Tapin. */
export const SETTINGS = [
  { name: "TAPIN_HOST", fallback: "127.0.0.1", meaning: "address to listen on" },
  { name: "TAPIN_PORT", fallback: "8080", meaning: "port to listen on; 0 = any free port" },
  {
    name: "TAPIN_WORKERS",
    fallback: "1",
    meaning: "processes that serve the port together, 1-64; more than 1 needs PostgreSQL and Node",
  },
  {
    name: "TAPIN_PUBLIC_URL",
    fallback: "http(s)://host:port",
    meaning: "how browsers and messengers reach it",
  },
  {
    name: "TAPIN_TLS_CERT",
    fallback: "none",
    meaning: "file with this server's certificate and its chain (PEM); none = no TLS",
  },
  {
    name: "TAPIN_TLS_KEY",
    fallback: "none",
    meaning: "file with the certificate's private key (PEM)",
  },
  {
    name: "TAPIN_DATABASE_URL",
    fallback: "none",
    meaning: "PostgreSQL; none = embedded database in TAPIN_DATA_DIR",
  },
  {
    name: "TAPIN_DATA_DIR",
    fallback: ".tapin",
    meaning: "embedded database, generated secret, demo keys; `memory` keeps nothing",
  },
  {
    name: "TAPIN_SECRET",
    fallback: "generated when embedded",
    meaning:
      "derives codes and watch tokens; at least 32 bytes; required with PostgreSQL; a comma-separated list rotates: the first makes, all check",
  },
  {
    name: "TAPIN_ADMIN_TOKEN",
    fallback: "generated when embedded",
    meaning: "token of AdminService; unset with PostgreSQL = admin off",
  },
  { name: "TAPIN_TELEGRAM_TOKEN", fallback: "none", meaning: "token of the Telegram bot" },
  {
    name: "TAPIN_TELEGRAM_API_URL",
    fallback: "https://api.telegram.org",
    meaning: "root of the Telegram Bot API",
  },
  { name: "TAPIN_MAX_TOKEN", fallback: "none", meaning: "token of the MAX bot" },
  {
    name: "TAPIN_MAX_API_URL",
    fallback: "https://platform-api2.max.ru",
    meaning: "root of the MAX API",
  },
  {
    name: "TAPIN_MAX_CA_FILE",
    fallback: "none",
    meaning:
      "file with the certificate authority of the MAX API (PEM), trusted beside the usual ones",
  },
  {
    name: "TAPIN_UPDATES",
    fallback: "auto",
    meaning:
      "how updates arrive: `polling`, `webhook`, or `auto`: webhook when the public URL is https",
  },
  {
    name: "TAPIN_SANDBOX",
    fallback: "auto",
    meaning:
      "pretend messengers and demo website: `on`, `off`, or `auto`: on when embedded, on a loopback host, without TLS, and no messenger token is set",
  },
  {
    name: "TAPIN_AVATARS",
    fallback: "off",
    meaning:
      "pictures of people whose messenger has no public address for them (Telegram): `on` = served by Tapin, `off` = null",
  },
  { name: "TAPIN_SESSION_TTL", fallback: "300", meaning: "seconds a session lives, 60-1800" },
  { name: "TAPIN_CODE_TTL", fallback: "300", meaning: "seconds a code lives, 30-600" },
  {
    name: "TAPIN_RATE_LIMIT",
    fallback: "6000",
    meaning: "requests a minute for each project; 0 = no limit",
  },
  {
    name: "TAPIN_FAILURE_LIMIT",
    fallback: "600",
    meaning:
      "failed lookups a minute for each address, and for each project with a valid key; 0 = no limit",
  },
  {
    name: "TAPIN_SESSION_LIMIT",
    fallback: "30",
    meaning: "sessions a minute that a project creates for one client address; 0 = no limit",
  },
  {
    name: "TAPIN_WATCHERS",
    fallback: "10000",
    meaning: "open watchers of a project in one process; an address has a tenth; 0 = no limit",
  },
  {
    name: "TAPIN_SESSION_WATCHERS",
    fallback: "10",
    meaning: "open watchers of one session in one process; 0 = no limit",
  },
  {
    name: "TAPIN_BODY_BYTES",
    fallback: "65536",
    meaning: "bytes a request's body or RPC message may have, 4096-1048576",
  },
  {
    name: "TAPIN_HEAD_BYTES",
    fallback: "16384",
    meaning: "bytes a request's head may have, its URL included, 4096-65536",
  },
  {
    name: "TAPIN_URL_BYTES",
    fallback: "8192",
    meaning: "bytes a request's path and query may have, 1024-32768",
  },
  {
    name: "TAPIN_CONNECTION_STREAMS",
    fallback: "100",
    meaning: "streams that are open at once on one HTTP/2 connection, 10-1000",
  },
  {
    name: "TAPIN_TRUSTED_PROXIES",
    fallback: "none",
    meaning:
      "addresses and networks of proxies whose X-Forwarded-For is believed, with commas between",
  },
  {
    name: "TAPIN_METRICS_TOKEN",
    fallback: "none",
    meaning: "token with which Prometheus reads `/metrics`; none = off",
  },
  { name: "TAPIN_LOG_LEVEL", fallback: "info", meaning: "`trace` to `silent`" },
] as const satisfies readonly SettingDoc[];

/** Name of a setting. */
export type SettingName = (typeof SETTINGS)[number]["name"];
