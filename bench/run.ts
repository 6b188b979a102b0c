/**
 * `npm run bench` lists the benchmarks; `npm run bench -- gateway` runs one (what follows is handed on to it),
 * `npm run bench -- all` every one. Each file of this folder is a benchmark, its first comment says what it shows.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { prepareBuild } from '../scripts/build.mjs';
import { AS_SHIPPED } from './measure/as-shipped.ts';

const FOLDER = import.meta.dirname;
function listBenches(): string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.ts') && name !== basename(import.meta.filename))
    .map((name) => basename(name, '.ts'))
    .sort();
}

/** The first sentence of the file's first comment. */
function describe(name: string): string {
  const source = readFileSync(join(FOLDER, `${name}.ts`), 'utf8');
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  const text = comment.replace(/^\s*\* ?/gm, ' ').replace(/\s+/g, ' ');
  return text.replace(/`[^`]*`\s*(\([^)]*\))?\s*:\s*/, '').trim();
}

function runBench(name: string, args: readonly string[]): Promise<number> {
  const file = join(FOLDER, `${name}.ts`);
  const child = spawn(process.execPath, [...AS_SHIPPED, file, ...args], { stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

const [wanted, ...args] = process.argv.slice(2);
const names = listBenches();
if (wanted === undefined) {
  console.log('npm run bench -- <name> [arguments]\n');
  for (const name of names) console.log(`  ${name.padEnd(18)} ${describe(name)}\n`);
} else if (wanted !== 'all' && !names.includes(wanted)) {
  console.error(`There is no benchmark ${wanted}; there are: ${names.join(', ')}.`);
  process.exitCode = 1;
} else {
  await prepareBuild();
  for (const name of wanted === 'all' ? names : [wanted]) {
    if (wanted === 'all') console.log(`\n## ${name}`);
    const code = await runBench(name, args);
    if (code !== 0) process.exitCode = code;
  }
}
