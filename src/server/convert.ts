// Converts between the rules' plain objects and the contract's messages. Nothing is decided here.

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  type ApiKeySchema,
  type BotSchema,
  MatchCodePolicy,
  type ProjectSchema,
  SubscriptionPolicy as SubscriptionProto,
} from "#gen/tapin/admin/v1/admin_pb.ts";
import {
  Channel as ChannelProto,
  type CreateSessionResponseSchema,
  SessionStatus as StatusProto,
  type VerifyCodeResponseSchema,
} from "#gen/tapin/auth/v1/auth_pb.ts";
import type { CreatedSession } from "../actions/create-session.ts";
import type { SessionView } from "../actions/deliver-status.ts";
import type { ProjectBot } from "../core/bot-ports.ts";
import type { ApiKeyInfo } from "../core/ports.ts";
import { type Project, SUBSCRIPTION_POLICIES, type SubscriptionPolicy } from "../core/project.ts";
import type { PublicStatus } from "../core/session.ts";
import type { VerifiedProfile } from "../core/session-ports.ts";
import type { Channel } from "../core/subscriber.ts";

const CHANNEL_PROTO: Record<Channel, ChannelProto> = {
  telegram: ChannelProto.TELEGRAM,
  max: ChannelProto.MAX,
};

const SUBSCRIPTION_PROTO: Record<SubscriptionPolicy, SubscriptionProto> = {
  automatic: SubscriptionProto.AUTOMATIC,
  ask: SubscriptionProto.ASK,
  off: SubscriptionProto.OFF,
};

const STATUS_PROTO: Record<PublicStatus, StatusProto> = {
  pending: StatusProto.PENDING,
  completed: StatusProto.COMPLETED,
  expired: StatusProto.EXPIRED,
  cancelled: StatusProto.CANCELLED,
};

/** The messenger a request names, or null for UNSPECIFIED. */
export function channelFromProto(channel: ChannelProto): Channel | null {
  if (channel === ChannelProto.TELEGRAM) return "telegram";
  return channel === ChannelProto.MAX ? "max" : null;
}

/** The policy a request names, or null for UNSPECIFIED. */
export function subscriptionFromProto(proto: SubscriptionProto): SubscriptionPolicy | null {
  return SUBSCRIPTION_POLICIES.find((policy) => SUBSCRIPTION_PROTO[policy] === proto) ?? null;
}

/** A project's own bot; never its token. */
export function botToProto(bot: ProjectBot): MessageInitShape<typeof BotSchema> {
  return { channel: CHANNEL_PROTO[bot.channel], username: bot.username };
}

/** A status as callers see it. */
export function statusToProto(status: PublicStatus): StatusProto {
  return STATUS_PROTO[status];
}

/** A field that is left out when the value is null. */
export function optional<K extends string, V>(name: K, value: V | null): { [key in K]?: V } {
  return value === null ? {} : ({ [name]: value } as { [key in K]: V });
}

/** A created session, as the website's page needs it. */
export function createdSessionToProto(
  created: CreatedSession,
): MessageInitShape<typeof CreateSessionResponseSchema> {
  const { session, links } = created;
  return {
    sessionId: session.id,
    ...optional("telegramLink", links.telegram),
    ...optional("maxLink", links.max),
    expiresIn: session.ttlSeconds,
    interval: created.pollIntervalSeconds,
    watchToken: created.watchToken,
    ...optional("matchCode", session.matchCode),
  };
}

/** Status and code, as every reader gets them. */
export function statusViewToProto(view: SessionView): { status: StatusProto; code?: string } {
  return { status: statusToProto(view.status), ...optional("code", view.code) };
}

/** Who signed in. */
export function profileToProto(
  profile: VerifiedProfile,
): MessageInitShape<typeof VerifyCodeResponseSchema> {
  return {
    channel: CHANNEL_PROTO[profile.channel],
    firstName: profile.firstName,
    ...optional("username", profile.username),
    ...optional("avatarUrl", profile.avatarUrl),
    subscriberId: profile.subscriberId,
    lang: profile.lang,
    tags: [...profile.tags],
    ...optional("state", profile.state),
  };
}

/** A project, for the operator. */
export function projectToProto(project: Project): MessageInitShape<typeof ProjectSchema> {
  return {
    slug: project.slug,
    name: project.name,
    ...optional("callbackUrl", project.callbackUrl),
    ...optional("originUrl", project.originUrl),
    redirectUris: [...project.redirectUris],
    matchCode: project.matchCodeRequired ? MatchCodePolicy.REQUIRED : MatchCodePolicy.OPTIONAL,
    createdAt: timestampFromDate(project.createdAt),
    subscription: SUBSCRIPTION_PROTO[project.subscription],
  };
}

/** What may be shown of a key. */
export function apiKeyToProto(key: ApiKeyInfo): MessageInitShape<typeof ApiKeySchema> {
  const time = (at: Date | null) => (at === null ? null : timestampFromDate(at));
  return {
    keyId: key.id,
    name: key.name,
    hint: key.hint,
    createdAt: timestampFromDate(key.createdAt),
    ...optional("lastUsedAt", time(key.lastUsedAt)),
    ...optional("revokedAt", time(key.revokedAt)),
  };
}
