/** No pattern of the source takes more than linear time, whatever it is shown: each is analysed, not tried. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import { buildOpenApi } from '../../src/controllers/openapi.ts';
import { type Pattern, patternsIn, patternsOf } from '../helpers/patterns.ts';

// The same analysis, compiled: five times as fast, and there for most machines. Left to choose, it takes what finds only as much as
// the machine has time for.
const compiled = join(import.meta.dirname, `../../node_modules/recheck-${process.platform}-${process.arch}`);
process.env.RECHECK_BACKEND = existsSync(compiled) ? 'native' : 'pure';
const { checkSync } = await import('recheck');

/** Long enough for a busy machine; each takes less than a second on a quiet one. */
const TIMEOUT_MS = 120_000;

/** What is wrong with a pattern; null when it is linear. */
function problemOf({ source, flags }: Pick<Pattern, 'source' | 'flags'>): string | null {
  const result = checkSync(source, flags, { timeout: TIMEOUT_MS, randomSeed: 1 });
  if (result.status === 'safe') return null;
  return result.status === 'vulnerable' ? result.complexity.summary : `not decided: ${result.error.kind}`;
}

function problemsOf(patterns: readonly Pattern[]): string[] {
  const byText = new Map(patterns.map((pattern) => [`/${pattern.source}/${pattern.flags}`, pattern]));
  return [...byText].flatMap(([text, pattern]) => {
    const problem = problemOf(pattern);
    return problem === null ? [] : [`${pattern.where}: ${text} is ${problem}`];
  });
}

describe('the patterns of the source', () => {
  const found = ['src', 'packages/wa-emulator/src'].map((folder) => patternsIn(folder));
  const patterns = found.flatMap((one) => one.patterns);
  const made = found.flatMap((one) => one.made);

  it('are all found', () => {
    expect(patterns.length).toBeGreaterThan(100);
    const text = "const a = /x+/gi; new RegExp(a.source + 'y'); 'b'.match('c'); 'b'.search(a); RegExp(c);";
    const found = patternsOf('example.ts', text);
    expect(found.patterns).toEqual([{ where: 'example.ts:1', source: 'x+', flags: 'gi' }]);
    expect(found.made.map(({ code }) => code)).toEqual([
      "new RegExp(a.source + 'y')",
      "'b'.match('c')",
      'RegExp(c)',
    ]);
  });

  it('are written down, none is put together at run time', () => {
    expect(made).toEqual([]);
  });

  it('take linear time', { timeout: 600_000 }, () => {
    expect(problemsOf(patterns)).toEqual([]);
  });

  it('take linear time where the schemas bring their own', { timeout: 600_000 }, () => {
    const sources: string[] = [];
    JSON.stringify(buildOpenApi(allRoutes), (name, value: unknown) => {
      if (name === 'pattern' && typeof value === 'string') sources.push(value);
      return value;
    });
    expect(sources.length).toBeGreaterThan(5);
    expect(problemsOf(sources.map((source) => ({ where: 'openapi.json', source, flags: '' })))).toEqual([]);
  });
});

describe('the analysis', () => {
  it.each([
    String.raw`\s+$`,
    '^(a+)+$',
    String.raw`^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$`,
    String.raw`^\s*\(*\s*(select|show)\b`,
    String.raw`<Contents>(.*?)<\/Contents>`,
  ])('finds that %s is not linear', (source) => {
    expect(problemOf({ source, flags: 'su' })).toMatch(/polynomial|exponential/);
  });
});
