// What a request body may be: JSON in UTF-8, not compressed. Parsing it is the JSON text's.

import type { RestRequest } from "./rest-message.ts";
import { TranscodeError } from "./transcode-error.ts";

/** The media type of REST bodies and answers. */
export const jsonMediaType = "application/json";

/** True when the headers themselves announce a body; HTTP/2 may send one without announcing it. */
export function announcesBody(headers: RestRequest["headers"]): boolean {
  const length = headers.get("content-length");
  return headers.get("transfer-encoding") !== null || (length !== null && Number(length) !== 0);
}

/**
 * Throws a `TranscodeError` of kind `unsupported_media_type` unless the headers say the body is
 * JSON. It carries `accept-post` or `accept-patch`, for other methods `accept`; for a compressed
 * body `accept-encoding` (RFC 9110 section 15.5.16).
 */
export function requireJson(request: RestRequest): void {
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding.trim().toLowerCase() !== "identity") {
    throw new TranscodeError("unsupported_media_type", "The body must not be compressed.", {
      headers: [["accept-encoding", "identity"]],
    });
  }
  if (isJson(request.headers.get("content-type") ?? "")) return;
  const sentence = "The content type must be application/json, in UTF-8.";
  throw new TranscodeError("unsupported_media_type", sentence, {
    headers: [[acceptHeader(request.method), jsonMediaType]],
  });
}

function isJson(contentType: string): boolean {
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  if (type.trim() !== jsonMediaType) return false;
  return parameters.every((parameter) => {
    const [name = "", value = ""] = parameter.split("=", 2);
    return name.trim() !== "charset" || value.trim().replaceAll('"', "") === "utf-8";
  });
}

function acceptHeader(method: string): string {
  if (method === "POST") return "accept-post"; // W3C Linked Data Platform 1.0 section 7.1
  if (method === "PATCH") return "accept-patch"; // RFC 5789 section 3.1
  return "accept";
}
