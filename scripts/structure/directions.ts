/** Which way imports may run, and where they run in a circle. */
import type { SourceFile } from './source.ts';

/**
 * The floors of `src`, highest first. A folder may import from itself and from every lower floor. Folders that share a
 * floor do not import one another, except for the pairs in `SIDEWAYS`.
 */
const FLOORS = [
  ['controllers', 'middlewares', 'workers'],
  ['services'],
  ['queue', 'cluster'],
  ['whatsapp'],
  ['events'],
  ['db'],
  ['utils'],
];
const SIDEWAYS = new Set(['controllers -> middlewares', 'multi-session -> baileys']);
/** Programs of their own: an entry file each; they take what they need from the floors. */
const PROGRAMS = ['cli'];
/** Products of their own: nothing of the service in them, and nothing of them in the service's floors. */
const PACKAGES = /^packages\/[^/]+/;
const ADAPTERS = /^src\/whatsapp\/(baileys|multi-session)\//;

/** One import that runs the wrong way. */
export interface Break {
  from: string;
  to: string;
  line: number;
  rule: string;
}

/** Every import in `files` that runs upwards, sideways, into an adapter from outside, or across a package's border. */
export function directionBreaks(files: readonly SourceFile[]): Break[] {
  return files.flatMap((file) =>
    file.imports.flatMap(({ path: to, line }) => {
      const rule = brokenRule(file.path, to);
      return rule ? [{ from: file.path, to, line, rule }] : [];
    }),
  );
}

function brokenRule(from: string, to: string): string | null {
  const [source, target] = [folderOf(from), folderOf(to)];
  if (source === target) {
    const [ours, theirs] = [ADAPTERS.exec(from)?.[1], ADAPTERS.exec(to)?.[1]];
    const crosses = theirs !== undefined && ours !== theirs;
    return crosses && !SIDEWAYS.has(`${ours} -> ${theirs}`)
      ? 'an adapter is known to the composition root only'
      : null;
  }
  if (PACKAGES.test(from)) return 'a package imports nothing of the service';
  if (source === null || PROGRAMS.includes(source)) return null;
  if (PACKAGES.test(to)) return 'only programs import a package';
  if (target === null || PROGRAMS.includes(target)) return 'a program is imported by no floor';
  if (ADAPTERS.test(to)) return 'an adapter is known to the composition root only';
  const [above, below] = [floorOf(source), floorOf(target)];
  if (above === -1 || below === -1) return `a folder without a floor: ${above === -1 ? source : target}`;
  if (above === below) return SIDEWAYS.has(`${source} -> ${target}`) ? null : 'imports do not run sideways';
  return above > below ? 'imports do not run upwards' : null;
}

/** The folder directly below `src`, or a package; null for files in `src` itself and elsewhere. */
function folderOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? PACKAGES.exec(path)?.[0] ?? null;
}

function floorOf(folder: string): number {
  return FLOORS.findIndex((floor) => floor.includes(folder));
}

/** Groups of files that import one another in a circle at run time (Tarjan's strongly connected components). */
export function runTimeCircles(files: readonly SourceFile[]): string[][] {
  const known = new Map(files.map((file) => [file.path, file]));
  const marks = new Map<string, { index: number; low: number; onStack: boolean }>();
  const stack: string[] = [];
  const circles: string[][] = [];

  function visit(path: string): { low: number } {
    const mark = { index: marks.size, low: marks.size, onStack: true };
    marks.set(path, mark);
    stack.push(path);
    for (const { path: next, atRunTime } of known.get(path)?.imports ?? []) {
      if (!atRunTime || !known.has(next)) continue;
      const seen = marks.get(next);
      if (!seen) mark.low = Math.min(mark.low, visit(next).low);
      else if (seen.onStack) mark.low = Math.min(mark.low, seen.index);
    }
    if (mark.low === mark.index) {
      const members = stack.splice(stack.indexOf(path));
      for (const member of members) {
        const its = marks.get(member);
        if (its) its.onStack = false;
      }
      if (members.length > 1) circles.push(members.sort());
    }
    return mark;
  }

  for (const { path } of files) if (!marks.has(path)) visit(path);
  return circles;
}
