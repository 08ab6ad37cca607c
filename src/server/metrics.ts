// The metrics: what the observer hears, as figures for Prometheus. The only file that knows
// prom-client.

import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";
import type { Observer } from "../core/observer.ts";

/** What can be read off at any moment. */
export interface Readings {
  /** Streams of WatchSession that are open. */
  watchers(): number;
  /** Connections to the database; null when it is embedded. */
  pool(): { readonly total: number; readonly idle: number; readonly waiting: number } | null;
}

/** The figures of one process, in a form that can be sent to another. */
export type Figures = readonly MetricObjectWithValues<MetricValue<string>>[];

/** The workers that serve this port together. */
export interface Crew {
  /** Which one of them this process is, from 1. */
  readonly worker: number;
  /** From now on, who gathers gets these figures from this process. */
  share(figures: () => Promise<Figures>): void;
  /**
   * The figures of all workers, this one included. Rejects with `unavailable` when one does not
   * tell them in time.
   */
  gather(): Promise<readonly Figures[]>;
}

/** The figures, and the ear that makes them. */
export interface Metrics {
  readonly observer: Observer;
  /** The exposition, in Prometheus' text format. */
  read(): Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Seconds, from a status read in memory to a call that waits for its deadline. */
const CALL_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 30];

/**
 * Makes metrics that start at zero. With a crew every series has the label `worker`, and whoever is
 * asked reads those of all: a worker that was replaced begins at zero, and in a sum of counters
 * Prometheus could not tell that from growth.
 */
export function createMetrics(readings: Readings, crew: Crew | null): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addReadings(registry, readings);
  if (crew !== null) {
    registry.setDefaultLabels({ worker: String(crew.worker) });
    crew.share(() => registry.getMetricsAsJSON());
  }
  return {
    observer: createObserver(registry),
    async read() {
      const { contentType } = registry;
      const all = crew === null ? registry : together(await crew.gather());
      return { contentType, text: await all.metrics() };
    },
  };
}

/** One registry of all their series, which differ by their labels: nothing is added up. */
function together(all: readonly Figures[]): Pick<Registry, "metrics"> {
  // As they are, some would be left out or averaged.
  const series = all.map((figures) => figures.map((each) => ({ ...each, aggregator: "first" })));
  return AggregatorRegistry.aggregate(series);
}

function createObserver(registry: Registry): Observer {
  const registers = [registry];
  const calls = new Counter({
    name: "tapin_calls_total",
    help: "Operations answered, by RPC, dialect and reason; the reason is ok for a success.",
    labelNames: ["rpc", "dialect", "reason"],
    registers,
  });
  const callSeconds = new Histogram({
    name: "tapin_call_seconds",
    help: "Seconds from the arrival of a call to its answer; a stream lasts until its end.",
    labelNames: ["rpc", "dialect"],
    buckets: CALL_BUCKETS,
    registers,
  });
  const ended = new Counter({
    name: "tapin_sessions_total",
    help: "Sessions that got a status, through this process.",
    labelNames: ["status"],
    registers,
  });
  const deliverySeconds = new Histogram({
    name: "tapin_delivery_seconds",
    help: "Seconds from the commit of a person's decision to the watcher that is told of it.",
    buckets: CALL_BUCKETS,
    registers,
  });
  const messengerSeconds = new Histogram({
    name: "tapin_messenger_call_seconds",
    help: "Seconds that calls to a messenger took, by method and outcome; long polls wait on purpose.",
    labelNames: ["channel", "method", "outcome"],
    buckets: CALL_BUCKETS,
    registers,
  });
  const dropped = new Counter({
    name: "tapin_dropped_readers_total",
    help: "Connections and streams ended because their reader took nothing for 20 s.",
    registers,
  });
  return {
    readerDropped: () => dropped.inc(),
    answered({ rpc, dialect, reason, seconds }) {
      calls.inc({ rpc, dialect, reason: reason ?? "ok" });
      callSeconds.observe({ rpc, dialect }, seconds);
    },
    ended: (status, count) => ended.inc({ status }, count),
    delivered: (seconds) => deliverySeconds.observe(seconds),
    messengerAnswered({ channel, method, outcome, seconds }) {
      messengerSeconds.observe({ channel, method, outcome }, seconds);
    },
  };
}

function addReadings(registry: Registry, { watchers, pool }: Readings): void {
  const registers = [registry];
  new Gauge({
    name: "tapin_watchers",
    help: "Streams of WatchSession that are open.",
    registers,
    collect() {
      this.set(watchers());
    },
  });
  new Gauge({
    name: "tapin_database_connections",
    help: "Connections of the pool, and callers that wait for one.",
    labelNames: ["state"],
    registers,
    collect() {
      const now = pool();
      if (now === null) return;
      this.set({ state: "busy" }, now.total - now.idle);
      this.set({ state: "idle" }, now.idle);
      this.set({ state: "waiting" }, now.waiting);
    },
  });
}
