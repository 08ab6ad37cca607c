// The gRPC calls of the bench, as bytes.

import { create, toBinary } from "@bufbuild/protobuf";
import {
  CreateSessionRequestSchema,
  GetSessionStatusRequestSchema,
} from "#gen/tapin/auth/v1/auth_pb.ts";

const SERVICE = "/tapin.auth.v1.AuthService";

/** A unary call. */
export interface UnaryCall {
  readonly path: string;
  readonly message: Uint8Array;
}

/** CreateSession with a state. */
export function createCall(): UnaryCall {
  const request = create(CreateSessionRequestSchema, { state: "hello" });
  const message = toBinary(CreateSessionRequestSchema, request);
  return { path: `${SERVICE}/CreateSession`, message };
}

/** GetSessionStatus of this session. */
export function statusCall(sessionId: string): UnaryCall {
  const request = create(GetSessionStatusRequestSchema, { sessionId });
  const message = toBinary(GetSessionStatusRequestSchema, request);
  return { path: `${SERVICE}/GetSessionStatus`, message };
}
