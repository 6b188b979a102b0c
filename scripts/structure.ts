/**
 * `npm run structure`: how the code is built. Prints files and lines by folder, the longest files and functions,
 * imports that run the wrong way, circles at run time, modules that keep state, and blocks that stand twice.
 * Looks for names that went as well (`structure/glossary.ts`). Ends with 1 on a wrong import, a circle, state of a module
 * where `buildDeps` has to build it, or a name that went. `--all` prints every row instead of the first ten of a kind.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copiedBlocks } from './structure/copies.ts';
import { directionBreaks, runTimeCircles } from './structure/directions.ts';
import { goneWords } from './structure/glossary.ts';
import { hiddenState, readSource, type SourceFile, type SourceFunction } from './structure/source.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LONG_FUNCTION_LINES = 50;
/** A block of more equal lines than this stands twice. */
const COPY_LINES = 8;
const shown = process.argv.includes('--all') ? Number.POSITIVE_INFINITY : 10;

function printRows(title: string, rows: readonly string[]): void {
  console.log(`\n${title}: ${rows.length}`);
  for (const row of rows.slice(0, shown)) console.log(`  ${row}`);
  if (rows.length > shown) console.log(`  … ${rows.length - shown} more (--all)`);
}

const isLongByItself = ({ ownLines }: SourceFunction) => ownLines > LONG_FUNCTION_LINES;

function printFolders(files: readonly SourceFile[]): void {
  const folders = new Map<string, { files: number; lines: number }>();
  for (const file of files) {
    const name = file.path.split('/').slice(0, -1).slice(0, 2).join('/');
    const sum = folders.get(name) ?? { files: 0, lines: 0 };
    folders.set(name, { files: sum.files + 1, lines: sum.lines + file.lines });
  }
  const lines = files.reduce((sum, file) => sum + file.lines, 0);
  console.log(`${files.length} files, ${lines} lines`);
  for (const [name, sum] of [...folders].sort((a, b) => b[1].lines - a[1].lines)) {
    console.log(
      `  ${name.padEnd(18)} ${String(sum.files).padStart(4)} files ${String(sum.lines).padStart(6)} lines`,
    );
  }
}

function toStateRow({ path, state }: SourceFile): string {
  return `${path}: ${state.map((one) => `${one.name} (${one.line})`).join(', ')}`;
}

function sourcesIn(folder: string): SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .sort()
    .map((path) => readSource(ROOT, path));
}

/** Everything that people read of the project, but for what is installed or built. */
function readTexts(folder: string): { path: string; text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => /\.(?:tsx?|m[jt]s|md)$/.test(path) && !/\/(?:node_modules|dist)\//.test(path))
    .filter((path) => !path.endsWith('/structure/glossary.ts'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

const service = sourcesIn('src');
const packages = readdirSync(join(ROOT, 'packages')).flatMap((name) => sourcesIn(`packages/${name}/src`));
const files = [...service, ...packages];
const longFirst = <T extends { lines: number }>(rows: T[]) => rows.sort((a, b) => b.lines - a.lines);
const functions = files.flatMap((file) => file.functions.map((one) => ({ ...one, path: file.path })));
const long = longFirst(functions.filter((one) => one.lines > LONG_FUNCTION_LINES));
const breaks = directionBreaks(files);
const circles = runTimeCircles(files);
const hidden = hiddenState(files);

const gone = ['src', 'tests', 'scripts', 'bench', 'docs', 'packages']
  .flatMap(readTexts)
  .flatMap(({ path, text }) => goneWords(path, text));

printFolders(service);
printFolders(packages);
printRows(
  'Files, longest first',
  longFirst([...files]).map((file) => `${file.lines} ${file.path}`),
);
printRows(
  `Functions of more than ${LONG_FUNCTION_LINES} lines (without the functions inside them: ${long.filter(isLongByItself).length})`,
  long.map(({ lines, ownLines, path, line, name }) => `${lines} (${ownLines}) ${path}:${line} ${name}`),
);
printRows('Modules that keep state', files.filter((file) => file.state.length > 0).map(toStateRow));
printRows(
  `Blocks of more than ${COPY_LINES} equal lines that stand twice`,
  copiedBlocks(files, COPY_LINES).map(
    ({ lines, first, second }) => `${lines} ${first.path}:${first.line} ~ ${second.path}:${second.line}`,
  ),
);
printRows(
  'Imports that run the wrong way',
  breaks.map((one) => `${one.from}:${one.line} -> ${one.to} (${one.rule})`),
);
printRows(
  'Circles at run time',
  circles.map((members) => members.join(' -> ')),
);
printRows('State that `buildDeps` should build', hidden.map(toStateRow));
printRows(
  'Names that went',
  gone.map(({ path, line, word, instead }) => `${path}:${line} ${word} (now ${instead})`),
);
process.exitCode = breaks.length + circles.length + hidden.length + gone.length > 0 ? 1 : 0;
