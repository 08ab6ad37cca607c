// The profile photos of pretend persons and how a bot gets their bytes: getUserProfilePhotos,
// getFile, and the download under `/file/bot<TOKEN>/<file_path>`. As in the real one, a file's path
// works only for a while after getFile told it.

import { type Answer, jsonAnswer } from "../http-exchange.ts";
import { TILE_PIXELS, type TileColour, tileJpeg } from "../tile-jpeg.ts";
import type { ApiArguments } from "./api-arguments.ts";
import { badRequest } from "./api-error.ts";
import type { Person } from "./person.ts";
import type { TelegramState } from "./state.ts";

/** Sides of a photo's sizes in pixels, as the real one has them. */
const SIZES = [160, 320, 640] as const;

/**
 * https://core.telegram.org/bots/api#getuserprofilephotos: one photo, or none. 400 for an unknown
 * person.
 */
export function getUserProfilePhotos(state: TelegramState, args: ApiArguments): object {
  const bounds = { fallback: 0, min: 0, max: Number.MAX_SAFE_INTEGER };
  const userId = args.integer("user_id", bounds);
  if (userId === 0) throw badRequest("invalid user_id specified");
  const person = state.people.find(userId);
  if (person === undefined) throw badRequest("user not found");
  if (person.photo === "none") return { total_count: 0, photos: [] };
  const isFirst = args.integer("offset", bounds) === 0;
  return { total_count: 1, photos: isFirst ? [SIZES.map((side) => sizeShape(person, side))] : [] };
}

/** https://core.telegram.org/bots/api#getfile. 400 when no file has the id, or not any more. */
export function getFile(state: TelegramState, args: ApiArguments): object {
  const fileId = args.text("file_id");
  if (fileId === "") throw badRequest("file_id not specified");
  const photo = photoOf(state, fileId);
  if (photo === "invalid") throw badRequest("invalid file_id");
  if (photo === "gone") throw badRequest("wrong file_id or the file is temporarily unavailable");
  const shape = sizeShape(photo.person, photo.side);
  const { file_id, file_unique_id, file_size } = shape;
  const file_path = state.paths.tell(fileId, state.nowSeconds());
  return { file_id, file_unique_id, file_size, file_path };
}

/** The answer to a download; 404 when the path was not told, or too long ago. */
export function fileAnswer(state: TelegramState, path: string): Answer {
  const fileId = state.paths.find(path, state.nowSeconds());
  const photo = fileId === null ? "invalid" : photoOf(state, fileId);
  if (typeof photo === "string") {
    return jsonAnswer(404, { ok: false, error_code: 404, description: "Not Found" });
  }
  const headers = { "content-type": "application/octet-stream" };
  return { status: 200, headers, body: bytesOf(photo.person, photo.side) };
}

function sizeShape(person: Person, side: number) {
  return {
    file_id: Buffer.from(`photo|${person.id}|${side}`).toString("base64url"),
    file_unique_id: Buffer.from(`${person.id}|${side}`).toString("base64url"),
    file_size: bytesOf(person, side).byteLength,
    width: side,
    height: side,
  };
}

function photoOf(
  state: TelegramState,
  fileId: string,
): { person: Person; side: number } | "invalid" | "gone" {
  const text = Buffer.from(fileId, "base64url").toString("utf8");
  const [, userId, side] = /^photo\|(\d+)\|(160|320|640)$/.exec(text) ?? [];
  if (userId === undefined) return "invalid";
  const person = state.people.find(Number(userId));
  if (person === undefined || person.photo === "none") return "gone";
  return { person, side: Number(side) };
}

function bytesOf({ id, photo }: Person, side: number): Uint8Array {
  return photo instanceof Uint8Array ? photo : drawnPhoto(id, side);
}

/** A coloured ground with head and shoulders, as avatar.ts draws it. */
function drawnPhoto(userId: number, side: number): Uint8Array {
  // The golden angle keeps the colours of neighbouring numbers apart.
  const angle = (userId * 137.508 * Math.PI) / 180;
  const ground = [100, 128 + 60 * Math.cos(angle), 128 + 60 * Math.sin(angle)] as const;
  const white: TileColour = [245, 128, 128];
  const unit = 160 / (side / TILE_PIXELS);
  return tileJpeg(side / TILE_PIXELS, (tileX, tileY) => {
    const x = (tileX + 0.5) * unit - 80;
    const y = (tileY + 0.5) * unit;
    const isHead = Math.hypot(x, y - 64) < 30;
    const isShoulder = Math.hypot(x / 58, (y - 160) / 52) < 1;
    return isHead || isShoulder ? white : ground;
  });
}
