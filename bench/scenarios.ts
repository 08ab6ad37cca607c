// Every scenario, in the order of the table.

import { bigTables } from "./big-tables.ts";
import { grpcUnaryCalls } from "./grpc-unary.ts";
import { loginIdle } from "./login-idle.ts";
import { loginRush } from "./login-rush.ts";
import { restCreate } from "./rest-create.ts";
import { restStatus } from "./rest-status.ts";
import { restVerify } from "./rest-verify.ts";
import { scaleOut } from "./scale-out.ts";
import { start } from "./start.ts";
import type { Scenario } from "./support/scenario.ts";
import { watchers } from "./watchers.ts";

/** The scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  restCreate,
  restVerify,
  restStatus,
  grpcUnaryCalls,
  loginIdle,
  loginRush,
  watchers,
  bigTables,
  scaleOut,
  start,
];
