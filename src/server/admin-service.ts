// AdminService: from the contract's messages to the verbs and back.

import type { UpdateProjectRequest } from "#gen/tapin/admin/v1/admin_pb.ts";
import {
  AdminService,
  MatchCodePolicy,
  SubscriptionPolicy as SubscriptionProto,
} from "#gen/tapin/admin/v1/admin_pb.ts";
import type { Channel as ChannelProto } from "#gen/tapin/auth/v1/auth_pb.ts";
import { diagnose } from "../actions/diagnose.ts";
import { createApiKey, listApiKeys, revokeApiKey } from "../actions/manage-api-key.ts";
import { listBots, removeBot, setBot } from "../actions/manage-bot.ts";
import {
  createProject,
  getProject,
  listProjects,
  updateProject,
} from "../actions/manage-project.ts";
import { deleteSubscriber } from "../actions/manage-subscriber.ts";
import type { Ports } from "../core/ports.ts";
import type { ProjectChange } from "../core/project.ts";
import type { Channel } from "../core/subscriber.ts";
import { TapinError } from "../errors.ts";
import {
  apiKeyToProto,
  botToProto,
  channelFromProto,
  projectToProto,
  subscriptionFromProto,
} from "./convert.ts";
import { type Operation, unary } from "./operation.ts";

const rpc = AdminService.method;

/** The operations of AdminService. */
export function adminOperations(ports: Ports): readonly Operation[] {
  return [
    ...projectOperations(ports),
    ...apiKeyOperations(ports),
    ...botOperations(ports),
    unary(rpc.deleteSubscriber, "admin", async ({ slug, subscriberId }) => {
      await deleteSubscriber(ports, slug, subscriberId);
      return {};
    }),
  ];
}

function projectOperations(ports: Ports): readonly Operation[] {
  return [
    unary(rpc.createProject, "admin", async (request) => {
      const project = await createProject(ports, {
        slug: request.slug,
        name: request.name,
        callbackUrl: request.callbackUrl ?? null,
        originUrl: request.originUrl ?? null,
        redirectUris: request.redirectUris,
        matchCodeRequired: request.matchCode === MatchCodePolicy.REQUIRED,
        subscription: subscriptionFromProto(request.subscription) ?? "automatic",
      });
      return { project: projectToProto(project) };
    }),
    unary(rpc.listProjects, "admin", async (request) => {
      const page = await listProjects(ports, request);
      return { projects: page.projects.map(projectToProto), nextPageToken: page.nextPageToken };
    }),
    unary(rpc.getProject, "admin", async ({ slug }) => {
      return { project: projectToProto(await getProject(ports, slug)) };
    }),
    unary(rpc.updateProject, "admin", async (request) => {
      const project = await updateProject(ports, request.slug, changeOf(request));
      return { project: projectToProto(project) };
    }),
  ];
}

function apiKeyOperations(ports: Ports): readonly Operation[] {
  return [
    unary(rpc.createApiKey, "admin", ({ slug, name }) => createApiKey(ports, slug, name)),
    unary(rpc.listApiKeys, "admin", async ({ slug }) => {
      return { keys: (await listApiKeys(ports, slug)).map(apiKeyToProto) };
    }),
    unary(rpc.revokeApiKey, "admin", async ({ slug, keyId }) => {
      await revokeApiKey(ports, slug, keyId);
      return {};
    }),
  ];
}

function botOperations(ports: Ports): readonly Operation[] {
  return [
    unary(rpc.setBot, "admin", async ({ slug, channel, token }) => {
      const bot = await setBot(ports, slug, { channel: channelOf(channel), token });
      return { bot: botToProto(bot) };
    }),
    unary(rpc.listBots, "admin", async ({ slug }) => {
      return { bots: (await listBots(ports, slug)).map(botToProto) };
    }),
    unary(rpc.removeBot, "admin", async ({ slug, channel }) => {
      await removeBot(ports, slug, channelOf(channel));
      return {};
    }),
    unary(rpc.diagnose, "admin", async () => {
      const findings = (await diagnose(ports, () => new Date())).map((finding) => ({
        subject: finding.subject,
        healthy: finding.problems.length === 0,
        problems: [...finding.problems],
      }));
      return { healthy: findings.every(({ healthy }) => healthy), findings };
    }),
  ];
}

/** Validation lets nothing else through. */
function channelOf(proto: ChannelProto): Channel {
  const channel = channelFromProto(proto);
  if (channel === null) throw new TapinError("NOT_FOUND");
  return channel;
}

const FIELDS = [
  "name",
  "callback_url",
  "origin_url",
  "redirect_uris",
  "match_code",
  "subscription",
] as const;
type Field = (typeof FIELDS)[number];

/**
 * UNSPECIFIED leaves these as they are, whatever the mask says: a guard is not switched off by
 * silence.
 */
const POLICIES: readonly Field[] = ["match_code", "subscription"];

/** The fields to change: those of the mask, or the populated ones without it (AIP-134). */
function changeOf(request: UpdateProjectRequest): ProjectChange {
  const values: Record<Field, ProjectChange> = {
    name: { name: request.name },
    callback_url: { callbackUrl: request.callbackUrl ?? null },
    origin_url: { originUrl: request.originUrl ?? null },
    redirect_uris: { redirectUris: request.redirectUris },
    match_code: { matchCodeRequired: request.matchCode === MatchCodePolicy.REQUIRED },
    subscription: { subscription: subscriptionFromProto(request.subscription) ?? "automatic" },
  };
  const populated: Record<Field, boolean> = {
    name: request.name !== "",
    callback_url: request.callbackUrl !== undefined,
    origin_url: request.originUrl !== undefined,
    redirect_uris: request.redirectUris.length > 0,
    match_code: request.matchCode !== MatchCodePolicy.UNSPECIFIED,
    subscription: request.subscription !== SubscriptionProto.UNSPECIFIED,
  };
  const paths = request.updateMask?.paths ?? [];
  const fields = paths.length > 0 ? paths.map(parseField) : FIELDS;
  const isChanged = (field: Field) =>
    populated[field] || (paths.length > 0 && !POLICIES.includes(field));
  return Object.assign({}, ...fields.filter(isChanged).map((field) => values[field]));
}

function parseField(path: string): Field {
  const field = FIELDS.find((name) => name === path);
  if (field !== undefined) return field;
  throw new TapinError("VALIDATION_FAILED", {
    violations: [{ field: "update_mask", message: `names ${path}, which cannot be changed` }],
  });
}
