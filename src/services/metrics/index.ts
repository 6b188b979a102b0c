/** `/metrics`: what Prometheus reads. */
import { collectDefaultMetrics } from 'prom-client';
import type { Deps } from '../context.ts';
import { setGauges } from './gauges.ts';
import { countEvents } from './observe.ts';
import { createMetrics, type Metrics } from './registry.ts';

/** However often it is asked: the database is read once in this time at most. */
const KEEP_MS = 5_000;

interface Service {
  metrics: Metrics;
  collected: Promise<void>;
  collectedAt: number;
  hasDefaults: boolean;
}

/** Per service of this process. */
const services = new WeakMap<object, Service>();

/** The metrics of this service; its events are counted from the first call on. */
export function metricsOf(deps: Pick<Deps, 'stream'>): Metrics {
  return serviceOf(deps).metrics;
}

function serviceOf(deps: Pick<Deps, 'stream'>): Service {
  const known = services.get(deps.stream);
  if (known) return known;
  const metrics = createMetrics();
  countEvents(metrics, deps.stream);
  const made = {
    metrics,
    collected: Promise.resolve(),
    collectedAt: Number.NEGATIVE_INFINITY,
    hasDefaults: false,
  };
  services.set(deps.stream, made);
  return made;
}

/** Also measures the process itself (memory, CPU, event loop, garbage collection), until it ends. */
export function measureProcess(deps: Pick<Deps, 'stream'>): void {
  const service = serviceOf(deps);
  if (service.hasDefaults) return;
  service.hasDefaults = true;
  collectDefaultMetrics({ register: service.metrics.registry });
}

/** The text for Prometheus, its gauges at most five seconds old, and its content type. Never throws. */
export async function renderMetrics(deps: Deps): Promise<{ text: string; contentType: string }> {
  const service = serviceOf(deps);
  const now = deps.clock.monotonic();
  if (now - service.collectedAt >= KEEP_MS) {
    service.collectedAt = now;
    service.collected = setGauges(service.metrics, deps);
  }
  await service.collected;
  const { registry } = service.metrics;
  return { text: await registry.metrics(), contentType: registry.contentType };
}
