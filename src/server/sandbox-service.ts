// SandboxService: drives the pretend messengers. The gateway hands them in; this room does not know
// them.

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Channel as ChannelProto } from "#gen/tapin/auth/v1/auth_pb.ts";
import { type MessageSchema, SandboxService, Sender } from "#gen/tapin/sandbox/v1/sandbox_pb.ts";
import type { Channel } from "../core/subscriber.ts";
import { TapinError } from "../errors.ts";
import { channelFromProto, optional } from "./convert.ts";
import { type Operation, unary } from "./operation.ts";

/** A chat as a person sees it. */
export interface SandboxChat {
  readonly messages: readonly {
    readonly messageId: string;
    readonly from: "bot" | "user";
    readonly text: string;
    readonly buttons: readonly { readonly label: string; readonly url?: string }[];
  }[];
}

/** The pretend person. */
export interface SandboxUser {
  readonly id: string;
  readonly firstName: string;
  readonly lastName?: string;
  readonly username?: string;
  readonly lang?: string;
}

/** What a person can do in a pretend messenger. Failures carry `kind`: `not_found` or `invalid`. */
export interface SandboxPort {
  openLink(act: { link: string; user: SandboxUser }): Promise<SandboxChat>;
  tapButton(act: SandboxActor & { messageId: string; label: string }): Promise<SandboxChat>;
  sendText(act: SandboxActor & { text: string }): Promise<SandboxChat>;
  setBlocked(act: SandboxActor & { blocked: boolean }): Promise<SandboxChat>;
  getChat(act: SandboxActor): Promise<SandboxChat>;
}

interface SandboxActor {
  readonly channel: Channel;
  readonly userId: string;
}

const rpc = SandboxService.method;

/**
 * The operations of SandboxService. Anybody may call them: they are there only when the sandbox is
 * on.
 */
export function sandboxOperations(sandbox: SandboxPort): readonly Operation[] {
  return [
    unary(rpc.openLink, "anybody", ({ link, user }) => {
      const { id = "", firstName = "", lastName, username, lang } = user ?? {};
      const person = {
        id,
        firstName,
        ...optional("lastName", lastName ?? null),
        ...optional("username", username ?? null),
        ...optional("lang", lang ?? null),
      };
      return answer(sandbox.openLink({ link, user: person }));
    }),
    unary(rpc.tapButton, "anybody", (request) => {
      const { messageId, label } = request;
      return answer(sandbox.tapButton({ ...actorOf(request), messageId, label }));
    }),
    unary(rpc.sendText, "anybody", (request) =>
      answer(sandbox.sendText({ ...actorOf(request), text: request.text })),
    ),
    unary(rpc.setBlocked, "anybody", (request) =>
      answer(sandbox.setBlocked({ ...actorOf(request), blocked: request.blocked })),
    ),
    unary(rpc.getChat, "anybody", (request) => answer(sandbox.getChat(actorOf(request)))),
  ];
}

function actorOf(request: { channel: ChannelProto; userId: string }): SandboxActor {
  const channel = channelFromProto(request.channel);
  if (channel === null) throw new TapinError("NOT_FOUND");
  return { channel, userId: request.userId };
}

async function answer(
  chat: Promise<SandboxChat>,
): Promise<{ messages: MessageInitShape<typeof MessageSchema>[] }> {
  try {
    const { messages } = await chat;
    return {
      messages: messages.map(({ messageId, from, text, buttons }) => ({
        messageId,
        from: from === "bot" ? Sender.BOT : Sender.USER,
        text,
        buttons: buttons.map(({ label, url }) => ({ label, ...optional("url", url ?? null) })),
      })),
    };
  } catch (error) {
    throw toSandboxFailure(error);
  }
}

function toSandboxFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !("kind" in error)) return error;
  if (error.kind === "not_found") return new TapinError("NOT_FOUND", { sentence: error.message });
  if (error.kind !== "invalid") return error;
  const field = "field" in error ? String(error.field ?? "") : "";
  return new TapinError("VALIDATION_FAILED", {
    sentence: error.message,
    violations: field === "" ? [] : [{ field, message: error.message }],
  });
}
