// The sizes of what the server takes in, as the operator sets them.

/** How large what callers send may be. */
export interface SizeSettings {
  /** Body of a REST request, message of an RPC, in bytes. Above: `body_too_large`. */
  readonly bodyBytes: number;
  /** Head of a request, its target included, in bytes. Above: `headers_too_large`. */
  readonly headBytes: number;
  /** Path and query, in bytes. Above: `uri_too_long`. */
  readonly urlBytes: number;
  /**
   * Streams that are open at once on one HTTP/2 connection. Above: refused by HTTP/2 (RFC 9113
   * section 5.1.2).
   */
  readonly connectionStreams: number;
}
