/** Node's own CPU profile of this process: where the time goes, by function and by package. */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Frame, phasesOf, type Sampled } from './phases.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const INTERVAL_US = 500;
const SHOWN = 10;
/** Not the process's own work. */
const WAITING: ReadonlySet<string> = new Set(['(idle)', '(root)', '(program)']);

/** `--profile` was asked for. */
export const isProfiling = (): boolean => process.env.BENCH_PROFILE === '1';

export interface Profile {
  /** Ends it and keeps the whole as a file. */
  stop(): Promise<Profiled>;
}

export interface Profiled {
  /** the ten dearest functions and packages, for a person */
  lines: string[];
  /** milliseconds by phase, and by the function that answers for them */
  phases: Map<string, number>;
  owners: Map<string, number>;
}

export async function startProfile(): Promise<Profile> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
  return {
    async stop() {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      const file = join(tmpdir(), `wahub-bench-${process.pid}-${Date.now()}.cpuprofile`);
      writeFileSync(file, JSON.stringify(profile));
      const lines = [
        ...ranking('self time by function', sumBy(profile, nameOf)),
        ...ranking('self time by package or folder', sumBy(profile, ownerOf)),
        `  the whole (chrome://inspect, "Performance", opens it): ${file}`,
      ];
      return { lines, ...phasesOf(profile, placeOf) };
    },
  };
}

/** Microseconds of each group of functions, without those of what they call. */
function sumBy(profile: Sampled, groupOf: (frame: Frame) => string): Map<string, number> {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const sums = new Map<string, number>();
  for (const [at, id] of (profile.samples ?? []).entries()) {
    const frame = frames.get(id);
    if (frame === undefined || WAITING.has(frame.functionName)) continue;
    const group = groupOf(frame);
    sums.set(group, (sums.get(group) ?? 0) + (profile.timeDeltas?.[at] ?? 0));
  }
  return sums;
}

function ranking(title: string, sums: Map<string, number>): string[] {
  const total = [...sums.values()].reduce((sum, us) => sum + us, 0);
  const first = [...sums].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
  return [
    `  ${title}, ${(total / 1e6).toFixed(1)} s in all`,
    ...first.map(([name, us]) => `    ${((us * 100) / total).toFixed(1).padStart(5)} %  ${name}`),
  ];
}

function nameOf(frame: Frame): string {
  const name = frame.functionName || '(anonymous)';
  return frame.url === '' ? name : `${name}  ${placeOf(frame.url)}:${frame.lineNumber + 1}`;
}

function placeOf(url: string): string {
  return url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url;
}

const PACKAGE = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/;

function ownerOf({ url, functionName }: Frame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'native code';
  if (url.startsWith('node:')) return 'node';
  const place = placeOf(url);
  return PACKAGE.exec(place)?.[1] ?? place.split('/').slice(0, -1).join('/');
}
