// Profile photos of the pretend Telegram: what the Bot API tells of them, the files, and how long a
// path works.

import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../support/chromium.ts";
import { type SandboxServer, startSandboxServer } from "./chat-server.ts";

const clock = { now: Date.now() };
let server: SandboxServer;
beforeAll(async () => {
  server = await startSandboxServer({ now: () => clock.now });
  server.sandbox.telegram.addPerson({ id: "4242", firstName: "Anna" });
});
afterAll(() => server.close());

interface Size {
  readonly file_id: string;
  readonly width: number;
  readonly file_size: number;
}

async function sizesOf(args: object = {}): Promise<readonly Size[]> {
  const { result } = await server.call("getUserProfilePhotos", { user_id: 4242, ...args });
  return (result as { photos: readonly (readonly Size[])[] }).photos[0] ?? [];
}

async function pathOf(fileId: string | undefined): Promise<string> {
  const { result } = await server.call("getFile", { file_id: fileId });
  return (result as { file_path: string }).file_path;
}

const download = (path: string, token = server.sandbox.telegram.token) =>
  fetch(`${server.sandbox.telegramApiRoot()}/file/bot${token}/${path}`);

test("getUserProfilePhotos tells one photo in three sizes, with an offset none", async () => {
  const { result } = await server.call("getUserProfilePhotos", { user_id: 4242, limit: 1 });
  expect(result).toMatchObject({ total_count: 1 });
  expect((await sizesOf()).map(({ width }) => width)).toEqual([160, 320, 640]);
  expect(await sizesOf({ offset: 1 })).toEqual([]);
});

test("getFile leads to a JPEG of the size that was told, as octets", async () => {
  const [, middle] = await sizesOf();
  const path = await pathOf(middle?.file_id);
  expect(path).toMatch(/^photos\/file_\d+\.jpg$/);
  const answer = await download(path);
  expect(answer.headers.get("content-type")).toBe("application/octet-stream");
  const bytes = new Uint8Array(await answer.arrayBuffer());
  expect(bytes.length).toBe(middle?.file_size);
  expect([...bytes.subarray(0, 3), ...bytes.subarray(-2)]).toEqual([255, 216, 255, 255, 217]);
});

test("a browser can show it", async () => {
  const [, middle] = await sizesOf();
  const bytes = await (await download(await pathOf(middle?.file_id))).arrayBuffer();
  const source = `data:image/jpeg;base64,${Buffer.from(bytes).toString("base64")}`;
  const chromium = await launchChromium();
  try {
    const page = await chromium.newPage();
    const colours: { size: number[]; head: number[]; corner: number[] } = await page.evaluate(`
      (async () => {
        const image = new Image();
        image.src = "${source}";
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.width, image.height];
        const paper = canvas.getContext("2d");
        paper.drawImage(image, 0, 0);
        const at = (x, y) => [...paper.getImageData(x, y, 1, 1).data];
        return { size: [image.width, image.height], head: at(160, 128), corner: at(4, 4) };
      })()`);
    expect(colours.size).toEqual([320, 320]);
    expect(colours.head).toEqual([245, 245, 245, 255]);
    expect(colours.corner).not.toEqual(colours.head);
  } finally {
    await chromium.close();
  }
});

test("a wrong token, a path that was not told, and an old one are not found", async () => {
  const [small] = await sizesOf();
  const path = await pathOf(small?.file_id);
  const wrong = `${server.sandbox.telegram.token.slice(0, -1)}_`;
  for (const answer of [await download(path, wrong), await download("photos/file_0.jpg")]) {
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({ ok: false, error_code: 404, description: "Not Found" });
  }
  clock.now += 3_599_000;
  expect((await download(path)).status).toBe(200);
  clock.now += 2_000;
  expect((await download(path)).status).toBe(404);
});

test("setPhoto takes the photo away, or gives other bytes in its place", async () => {
  const [, middle] = await sizesOf();
  server.sandbox.telegram.setPhoto("4242", "none");
  const { result } = await server.call("getUserProfilePhotos", { user_id: 4242 });
  expect(result).toEqual({ total_count: 0, photos: [] });
  expect(await server.call("getFile", { file_id: middle?.file_id })).toMatchObject({
    error_code: 400,
    description: "Bad Request: wrong file_id or the file is temporarily unavailable",
  });
  server.sandbox.telegram.setPhoto("4242", Uint8Array.of(1, 2, 3));
  expect((await sizesOf()).map(({ file_size }) => file_size)).toEqual([3, 3, 3]);
  const answer = await download(await pathOf(middle?.file_id));
  expect(new Uint8Array(await answer.arrayBuffer())).toEqual(Uint8Array.of(1, 2, 3));
});

test("getFile refuses what is no file id", async () => {
  expect((await server.call("getFile", {})).description).toBe("Bad Request: file_id not specified");
  const wrong = await server.call("getFile", { file_id: "AAAA" });
  expect(wrong.description).toBe("Bad Request: invalid file_id");
});
