/** No pattern of the source takes more than linear time, whatever it is shown: each is analysed, not tried. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { allRoutes } from '../../src/controllers/index.ts';
import { buildOpenApi } from '../../src/controllers/openapi.ts';
import { type Pattern, patternsIn, patternsOf } from '../helpers/patterns.ts';

// The same analysis, compiled: five times as fast, and there for most machines. Left to choose, it takes what finds only as much as
// the machine has time for.
const compiled = join(import.meta.dirname, `../../node_modules/recheck-${process.platform}-${process.arch}`);
process.env.RECHECK_BACKEND = existsSync(compiled) ? 'native' : 'pure';
const { check } = await import('recheck');

/** Long enough for a busy machine; each takes less than a second on a quiet one. */
const TIMEOUT_MS = 120_000;
/** It ends by itself after that time, unless it is gone. */
const GRACE_MS = 10_000;

/** Set once the program that analyses has not answered: it answers nothing any more. */
let lost: Error | null = null;

/**
 * Not recheck's synchronous check: that stops the event loop until the program answers, for ever if it was killed or has
 * failed, and no limit of a test ends it.
 */
async function analyse(source: string, flags: string) {
  if (lost !== null) throw lost;
  const answered = new AbortController();
  const late = pause(TIMEOUT_MS + GRACE_MS, undefined, { signal: answered.signal }).then(() => {
    lost = new Error(`the analysis of /${source}/${flags} was never answered`);
    throw lost;
  });
  try {
    return await Promise.race([check(source, flags, { timeout: TIMEOUT_MS, randomSeed: 1 }), late]);
  } finally {
    answered.abort();
  }
}

/** What is wrong with a pattern; null when it is linear. Rejects when the analysis is gone. */
async function problemOf({ source, flags }: Pick<Pattern, 'source' | 'flags'>): Promise<string | null> {
  const result = await analyse(source, flags);
  if (result.status === 'safe') return null;
  return result.status === 'vulnerable' ? result.complexity.summary : `not decided: ${result.error.kind}`;
}

async function problemsOf(patterns: readonly Pattern[]): Promise<string[]> {
  const byText = new Map(patterns.map((pattern) => [`/${pattern.source}/${pattern.flags}`, pattern]));
  const problems: string[] = [];
  for (const [text, pattern] of byText) {
    const problem = await problemOf(pattern);
    if (problem !== null) problems.push(`${pattern.where}: ${text} is ${problem}`);
  }
  return problems;
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

  it('take linear time', { timeout: 600_000 }, async () => {
    expect(await problemsOf(patterns)).toEqual([]);
  });

  it('take linear time where the schemas bring their own', { timeout: 600_000 }, async () => {
    const sources: string[] = [];
    JSON.stringify(buildOpenApi(allRoutes), (name, value: unknown) => {
      if (name === 'pattern' && typeof value === 'string') sources.push(value);
      return value;
    });
    expect(sources.length).toBeGreaterThan(5);
    const given = sources.map((source) => ({ where: 'openapi.json', source, flags: '' }));
    expect(await problemsOf(given)).toEqual([]);
  });
});

describe('the analysis', () => {
  it.each([
    String.raw`\s+$`,
    '^(a+)+$',
    String.raw`^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$`,
    String.raw`^\s*\(*\s*(select|show)\b`,
    String.raw`<Contents>(.*?)<\/Contents>`,
  ])('finds that %s is not linear', async (source) => {
    expect(await problemOf({ source, flags: 'su' })).toMatch(/polynomial|exponential/);
  });
});
