/** `/metrics`: what Prometheus reads. */
import { collectDefaultMetrics } from 'prom-client';
import type { EventStream } from '../../events/stream.ts';
import type { Deps } from '../context.ts';
import { setGauges } from './gauges.ts';
import { countEvents } from './observe.ts';
import { createMetrics, type Metrics } from './registry.ts';

/** However often it is asked: the database is read once in this time at most. */
const KEEP_MS = 5_000;

/** The metrics of this process, and when its gauges were last read. */
export interface ServiceMetrics extends Metrics {
  /** monotonic milliseconds */
  gaugesAt: number;
  gauges: Promise<void>;
}

/** Makes the metrics of a service; its events are counted from now on. */
export function createServiceMetrics(stream: EventStream): ServiceMetrics {
  const metrics = createMetrics();
  countEvents(metrics, stream);
  return { ...metrics, gaugesAt: Number.NEGATIVE_INFINITY, gauges: Promise.resolve() };
}

/** Also measures the process itself (memory, CPU, event loop, garbage collection), until it ends. */
export function measureProcess({ registry }: Metrics): void {
  collectDefaultMetrics({ register: registry });
}

/** The text for Prometheus, its gauges at most five seconds old, and its content type. Never throws. */
export async function renderMetrics(deps: Deps): Promise<{ text: string; contentType: string }> {
  const { metrics } = deps;
  const now = deps.clock.monotonic();
  if (now - metrics.gaugesAt >= KEEP_MS) {
    metrics.gaugesAt = now;
    metrics.gauges = setGauges(metrics, deps);
  }
  await metrics.gauges;
  const { registry } = metrics;
  return { text: await registry.metrics(), contentType: registry.contentType };
}
