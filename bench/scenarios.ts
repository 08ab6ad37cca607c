// Every scenario, in the order of the table.

import { grpcUnaryCalls } from "./grpc-unary.ts";
import { restCreate } from "./rest-create.ts";
import { restStatus } from "./rest-status.ts";
import { restVerify } from "./rest-verify.ts";
import type { Scenario } from "./support/scenario.ts";

/** The scenarios. */
export const SCENARIOS: readonly Scenario[] = [restCreate, restVerify, restStatus, grpcUnaryCalls];
