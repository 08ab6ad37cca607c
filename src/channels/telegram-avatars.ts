// Pictures of people in Telegram: found, and read as bytes. The address of a file holds the bot's
// token (T18), so it stays in here: https://core.telegram.org/bots/api#getfile

import type { Api } from "grammy/web";
import { type Avatar, avatarTypeOf, MAX_AVATAR_BYTES } from "../core/avatar.ts";
import type { BotLog } from "./bot-log.ts";
import { apiSignal } from "./grammy.ts";
import type { Fetch } from "./runtime-fetch.ts";
import { telegramFailure } from "./telegram-errors.ts";

/** Shortest side wanted, in pixels: sharp at 160 on a fine screen, and some 20 KB. */
const WANTED_SIDE = 320;

/** What reads pictures. */
export interface AvatarSource {
  readonly api: Api;
  readonly token: string;
  /** Root of the Bot API without a slash at the end; files are under `/file` there. */
  readonly apiRoot: string;
  readonly fetch: Fetch;
  readonly log: BotLog;
}

/**
 * Reads the person's picture, of about 320 pixels; null when the bot may see none, or when it is no
 * JPEG, PNG or WebP or is larger than 1 MiB. Rejects when Telegram cannot be asked; the error may
 * hold the token.
 */
export async function readTelegramAvatar(
  source: AvatarSource,
  userId: string,
  signal: AbortSignal,
): Promise<Avatar | null> {
  const fileId = await findPhoto(source.api, Number(userId), signal);
  if (fileId === null) return null;
  const { file_path: path = "" } = await source.api.getFile(fileId, apiSignal(signal));
  // A Bot API server of one's own in local mode tells a path on its disk, and serves no files.
  if (!/^[\w-]+(\/[\w.-]+)+$/.test(path) || path.includes("..")) {
    throw new Error("the Bot API tells no address for the picture (is its server in local mode?)");
  }
  const bytes = await download(
    source.fetch,
    `${source.apiRoot}/file/bot${source.token}/${path}`,
    signal,
  );
  const type = bytes === null ? null : avatarTypeOf(bytes);
  if (bytes !== null && type !== null) return { type, bytes };
  source.log.info({ too_large: bytes === null }, "a picture is not one that is served");
  return null;
}

async function findPhoto(api: Api, userId: number, signal: AbortSignal): Promise<string | null> {
  try {
    const { photos } = await api.getUserProfilePhotos(userId, { limit: 1 }, apiSignal(signal));
    const sizes = (photos[0] ?? []).toSorted((left, right) => left.width - right.width);
    const isEnough = ({ width, height }: { width: number; height: number }) =>
      Math.min(width, height) >= WANTED_SIDE;
    return (sizes.find(isEnough) ?? sizes.at(-1))?.file_id ?? null;
  } catch (error) {
    // A bot that has never met the person, such as a project's new one, is told "user not found".
    if (telegramFailure(error) === "refused") return null;
    throw error;
  }
}

/** The file; null when it is larger than is served: no more than that is read. */
async function download(call: Fetch, url: string, signal: AbortSignal): Promise<Uint8Array | null> {
  // A redirect would hand the address, and with it the token, to another host.
  const response = await call(url, { redirect: "error", signal });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw new Error(`the download of a picture was answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (size > MAX_AVATAR_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
