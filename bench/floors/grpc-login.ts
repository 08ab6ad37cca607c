// Floor of gRPC CreateSession and GetSessionStatus: a server of grpc-js doing the same work, one
// statement a call, with messages by @grpc/proto-loader as its users have them.

import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { PORT } from "./listen.ts";
import { createSession, readStatus } from "./login-tables.ts";

const { "tapin.auth.v1.AuthService": service } = loadSync("tapin/auth/v1/auth.proto", {
  includeDirs: ["proto", "third_party"],
});

type Handle<Request> = handleUnaryCall<Request, object>;

const CreateSession: Handle<{ state: { value: string } }> = ({ request }, answer) => {
  createSession(request.state.value).then(
    ({ sessionId, watchToken }) =>
      answer(null, { sessionId, expiresIn: 300, interval: 2, watchToken }),
    () => answer({ code: status.INTERNAL }),
  );
};

const GetSessionStatus: Handle<{ sessionId: string }> = ({ request }, answer) => {
  readStatus(request.sessionId).then(
    (found) =>
      found === "pending" || found === "opened"
        ? answer(null, { status: "SESSION_STATUS_PENDING" })
        : answer({ code: status.NOT_FOUND }),
    () => answer({ code: status.INTERNAL }),
  );
};

const server = new Server();
server.addService(service as ServiceDefinition, { CreateSession, GetSessionStatus });
server.bindAsync(`127.0.0.1:${PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
