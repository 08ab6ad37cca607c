// A small bot for the pretend MAX in plain fetch, as its documentation describes one: polls with a
// marker, asks to log in, edits what was tapped, tries again after 429. Not the channel of
// src/channels; that has its own tests.

import { setTimeout as sleep } from "node:timers/promises";
import type { Sandbox } from "../../src/sandbox/sandbox.ts";
import type { WireUpdate } from "./max-server.ts";

/** Stops the bot; knows how often each person tapped. */
export interface RunningBot {
  (): Promise<void>;
  tapsOf(userId: string): number;
}

interface Page {
  readonly updates: readonly WireUpdate[];
  readonly marker: number;
}

function promptFor(payload: string, isRussian: boolean): object {
  const button = (text: string, data: string) => [{ type: "callback", text, payload: data }];
  const buttons = isRussian
    ? [button("Войти", `l:${payload}`), button("Отмена", "c")]
    : [button("Login", `l:${payload}`), button("Cancel", "c")];
  const text = isRussian
    ? `Войти в «Кофейню на углу»?\nСайт: demo.example\nЗапрос: Firefox, Linux, только что (${payload})\n\nПодтверждайте, только если сами открыли эту страницу.`
    : `Sign in to Corner Coffee?\nSite: demo.example\nRequest from Firefox, Linux, just now (${payload})\n\nOnly confirm if you opened this page yourself.`;
  return { text, attachments: [{ type: "inline_keyboard", payload: { buttons } }] };
}

function confirmed(isRussian: boolean): object {
  const url = "https://demo.example/callback?code=abc";
  const text = isRussian ? "Перейти на сайт" : "Go to website";
  return {
    text: isRussian ? "Вход подтверждён. Продолжите на сайте:" : "Confirmed. Continue on the site:",
    attachments: [
      { type: "inline_keyboard", payload: { buttons: [[{ type: "link", text, url }]] } },
    ],
  };
}

/** Starts the bot. */
export function startLoginBot({ max, maxApiRoot }: Sandbox): RunningBot {
  const stopping = new AbortController();
  const taps = new Map<number, number>();

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    for (;;) {
      const response = await fetch(`${maxApiRoot()}${path}`, {
        method,
        headers: { authorization: max.token },
        signal: stopping.signal,
        ...(body && { body: JSON.stringify(body) }),
      });
      const reply: unknown = await response.json();
      if (response.status !== 429) return reply;
      await sleep(200);
    }
  }

  async function answerTap({ callback, user_locale: locale }: WireUpdate): Promise<void> {
    if (callback === undefined) return;
    const { user_id: userId } = callback.user;
    taps.set(userId, (taps.get(userId) ?? 0) + 1);
    const cancelled = { text: "Sign-in cancelled.", attachments: [] };
    const message = callback.payload === "c" ? cancelled : confirmed(locale === "ru");
    await call("POST", `/answers?callback_id=${callback.callback_id}`, { message });
  }

  async function handle(update: WireUpdate): Promise<void> {
    if (update.callback !== undefined) return answerTap(update);
    const text = update.message?.body.text;
    const payload = update.payload ?? /^\/start (\S+)$/.exec(text ?? "")?.[1];
    const userId = update.user?.user_id ?? update.message?.sender.user_id;
    if (!["bot_started", "message_created"].includes(update.update_type)) return;
    const other = text === undefined ? "Open the sign-in link." : `You said: ${text}`;
    const message =
      payload === undefined ? { text: other } : promptFor(payload, update.user_locale === "ru");
    await call("POST", `/messages?user_id=${userId}`, message);
  }

  async function poll(): Promise<void> {
    let query = "";
    while (!stopping.signal.aborted) {
      const page = (await call("GET", `/updates?timeout=20${query}`)) as Page;
      query = `&marker=${page.marker}`;
      for (const update of page.updates) void handle(update).catch(() => undefined);
    }
  }

  const polling = poll().catch(() => undefined);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await polling;
  };
  return Object.assign(stop, {
    tapsOf: (userId: string) => taps.get(Number(userId)) ?? 0,
  });
}
