// AuthService: from the contract's messages to the verbs and back.

import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  AuthService,
  CreateSessionRequestSchema,
  VerifyCodeRequestSchema,
} from "#gen/tapin/auth/v1/auth_pb.ts";
import { cancelSession } from "../actions/cancel-session.ts";
import { createSession } from "../actions/create-session.ts";
import { deliverStatus } from "../actions/deliver-status.ts";
import { getLink } from "../actions/get-link.ts";
import type { IdempotencyKey } from "../actions/idempotency.ts";
import { verifyCode } from "../actions/verify-code.ts";
import type { Ports } from "../core/ports.ts";
import type { Project } from "../core/project.ts";
import { sha256Hex } from "../core/secret.ts";
import { TapinError } from "../errors.ts";
import { whenThere } from "../transcoder/soon.ts";
import type { AdmittedCall } from "./call.ts";
import {
  createdSessionToProto,
  optional,
  profileToProto,
  statusToProto,
  statusViewToProto,
} from "./convert.ts";
import type { Limits } from "./limit.ts";
import { type Operation, pushStream, unary } from "./operation.ts";
import { callerOf, idempotencyKeyOf, readerOf } from "./session-caller.ts";
import { watchStream } from "./watch-stream.ts";

const {
  getLink: linkRpc,
  createSession: createRpc,
  getSessionStatus: statusRpc,
} = AuthService.method;
const {
  watchSession: watchRpc,
  cancelSession: cancelRpc,
  verifyCode: verifyRpc,
} = AuthService.method;

/** The operations of AuthService. */
export function authOperations(ports: Ports, limits: Limits): readonly Operation[] {
  return [...projectOperations(ports, limits), ...sessionOperations(ports, limits)];
}

/** What a website's server does with its API key. */
function projectOperations(ports: Ports, limits: Limits): readonly Operation[] {
  return [
    unary(linkRpc, "api_key", async (_, call) => {
      const { links, configured } = getLink(ports.bots, projectOf(call));
      return {
        ...optional("telegramLink", links.telegram),
        ...optional("maxLink", links.max),
        configured,
      };
    }),
    unary(createRpc, "api_key", async (request, call) => {
      const input = {
        state: request.state ?? null,
        redirectUri: request.redirectUri ?? null,
        codeChallenge: request.codeChallenge ?? null,
        matchCode: request.matchCode,
        client: { ip: request.client?.ip ?? null, userAgent: request.client?.userAgent ?? null },
      };
      const idempotency = idempotencyOf(call, CreateSessionRequestSchema, request);
      const project = projectOf(call);
      await limits.session(project.id, input.client.ip);
      return createdSessionToProto(await createSession(ports, project, input, idempotency));
    }),
    unary(verifyRpc, "api_key", async (request, call) => {
      const input = { code: request.code, codeVerifier: request.codeVerifier ?? null };
      const idempotency = idempotencyOf(call, VerifyCodeRequestSchema, request);
      return profileToProto(await verifyCode(ports, projectOf(call), input, idempotency));
    }),
  ];
}

/** What may also be done with a session's watch token. */
function sessionOperations(ports: Ports, limits: Limits): readonly Operation[] {
  return [
    unary(statusRpc, "api_key_or_watch_token", ({ sessionId }, call) =>
      whenThere(callerOf(ports, call, sessionId), async (caller) => {
        const reader = call.head ? null : readerOf(ports, call);
        return statusViewToProto(await deliverStatus(ports, { caller, sessionId, reader }));
      }),
    ),
    unary(cancelRpc, "api_key_or_watch_token", async ({ sessionId }, call) => {
      const caller = await callerOf(ports, call, sessionId);
      return { status: statusToProto(await cancelSession(ports, { caller, sessionId })) };
    }),
    pushStream(watchRpc, "api_key_or_watch_token", watchStream(ports, limits)),
  ];
}

function projectOf({ identity }: AdmittedCall): Project {
  if (identity.kind !== "api_key") throw new TapinError("UNAUTHORIZED");
  return identity.project;
}

function idempotencyOf<Desc extends DescMessage>(
  call: AdmittedCall,
  schema: Desc,
  request: MessageShape<Desc>,
): IdempotencyKey | null {
  const key = idempotencyKeyOf(call);
  if (key === null) return null;
  // The binary form is the same whichever dialect the request came in.
  const bodyHash = sha256Hex(Buffer.from(toBinary(schema, request)).toString("base64"));
  return { key, bodyHash };
}
