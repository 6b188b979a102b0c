import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, parseCLI, type TestSpecification } from 'vitest/node';
import { helperBundles } from './tests/helpers/helper-bundles.ts';

/**
 * What replaces modules or looks at its whole process; to load every module again is the price. `vi.spyOn` replaces one export
 * of a module until the end of a file, and a rejection that nobody handles is a failure in every process.
 */
const NEEDS_OWN_PROCESS =
  /\bvi\.(do)?mock\(|\bsetFlagsFromString\(|\bprocess\.(on|once)\((?!'unhandledRejection')/;
const alone = ['tests', 'packages/wa-emulator/tests']
  .flatMap((folder) =>
    readdirSync(join(import.meta.dirname, folder), { recursive: true, encoding: 'utf8' }).map((name) =>
      join(folder, name),
    ),
  )
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.test.ts') && NEEDS_OWN_PROCESS.test(readFileSync(file, 'utf8')));

/** vitest keeps `--exclude` for itself and hands it to none of the projects. */
const excluded = [parseCLI(['vitest', ...process.argv.slice(2)]).options.exclude ?? []].flat();

/** The service teaches Baileys whom to trust; clients of the emulator's tests do without, in other processes. */
const EMULATOR = 'packages/wa-emulator/tests/**/*.test.ts';

/**
 * What takes longest begins first in its project: at the end the others would wait for it alone. In a fresh clone nothing else
 * tells how long a file takes.
 */
const LONGEST = [
  'tests/e2e/outage.sqlite.test.ts',
  'tests/e2e/kills.test.ts',
  'tests/e2e/import-kills.test.ts',
  'tests/e2e/standing.test.ts',
  'tests/e2e/passkey-kills.test.ts',
  'tests/e2e/black-hole.sqlite.test.ts',
  'tests/browser/pages.test.ts',
  'tests/media/memory.test.ts',
  'tests/transfer/import.test.ts',
  'tests/whatsapp/peers.test.ts',
  'tests/fuzz/',
  'tests/transfer/export.test.ts',
  'tests/patterns/',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rankOf = ({ moduleId }: TestSpecification) => {
      const rank = LONGEST.findIndex((name) => moduleId.replaceAll('\\', '/').includes(name));
      return rank === -1 ? LONGEST.length : rank;
    };
    const projects = [...new Set(sorted.map((spec) => spec.project))];
    return projects.flatMap((project) =>
      sorted.filter((spec) => spec.project === project).sort((a, b) => rankOf(a) - rankOf(b)),
    );
  }
}

const BROWSER = 'tests/browser/**/*.test.ts';

/** Test files that share processes and what those have loaded. */
function project(name: string, include: string[], exclude: string[]): TestProjectInlineConfiguration {
  const isolate = name === 'alone';
  return { extends: true, test: { name, include, exclude: [...exclude, ...excluded], isolate } };
}

/** Chromium and a whole service, beside other tests: on a slow machine a page takes several times as long as on a fast one. */
function browser(): TestProjectInlineConfiguration {
  const { test, ...rest } = project('browser', [BROWSER], alone);
  return { ...rest, test: { ...test, testTimeout: 90_000 } };
}

/** They start helper processes. */
const helpers = ['src/services/media/tools.ts', 'src/services/contacts/import/formats.ts'];

export default defineConfig({
  plugins: [await helperBundles(import.meta.dirname, helpers)],
  // Its source, not what was last built of it.
  resolve: { alias: { 'wa-emulator': join(import.meta.dirname, 'packages/wa-emulator/src/index.ts') } },
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // On a busy machine the default, a second, is over before a client has its answer.
    expect: { poll: { timeout: 20_000 } },
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    // The parts of `npm test` load the same sources.
    experimental: { fsModuleCache: true },
    setupFiles: ['tests/helpers/setup.ts'],
    globalSetup: ['tests/helpers/global-setup.ts'],
    // Real clients and real processes on a busy machine: what fails twice in a row is wrong.
    retry: process.env.CI ? 2 : 0,
    coverage: { provider: 'v8', include: ['src/**'] },
    projects: [
      project('gateway', ['tests/**/*.test.ts'], [...alone, BROWSER]),
      browser(),
      project('emulator', [EMULATOR], alone),
      project('alone', alone, []),
    ],
  },
});
