/**
 * The service's helper processes for its tests, a file each: from their sources, through tsx, a start takes several times as much
 * of a processor. The packed service of other tests starts them as they are in dist/.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { Plugin } from 'vitest/config';

/** How a module of src/ names the entry of its helper process, which lies in a folder of its own. */
const ENTRY = /import\.meta\.url\.endsWith\('\.ts'\) \? '(\.\/[\w-]+\/process\.ts)' : '[^']+'/;
/** They bring machine code along. */
const NOT_BUNDLED = ['sharp', 'opus-decoder'];
const REQUIRE =
  "import { createRequire as createOwnRequire } from 'node:module'; const require = createOwnRequire(import.meta.url);";

/** Bundles the helper of each of these modules, and has it started in the place of its source. Rejects when one names none. */
export async function helperBundles(root: string, modules: readonly string[]): Promise<Plugin> {
  const folder = join(root, '.test', 'helpers');
  mkdirSync(folder, { recursive: true });
  const places = new Map<string, string>();
  for (const module of modules) {
    const path = join(root, module);
    const [, entry] = ENTRY.exec(readFileSync(path, 'utf8')) ?? [];
    if (entry === undefined) throw new Error(`${module} names no helper process`);
    places.set(
      path,
      await bundle(join(dirname(path), entry), join(folder, `${basename(dirname(entry))}.mjs`)),
    );
  }
  return {
    name: 'helper-bundles',
    enforce: 'pre',
    transform(code, id) {
      const place = places.get(id);
      return place === undefined ? null : code.replace(ENTRY, () => `'${place}'`);
    },
  };
}

/** The URL of the file, which appears whole: another run may read it at this moment. */
async function bundle(entry: string, file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    write: false,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: `node${process.versions.node}`,
    external: NOT_BUNDLED,
    banner: { js: REQUIRE },
    logLevel: 'error',
  });
  const made = `${file}.${process.pid}`;
  writeFileSync(made, outputFiles[0]?.contents ?? '');
  renameSync(made, file);
  return pathToFileURL(file).href;
}
