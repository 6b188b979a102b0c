import { pathToFileURL } from 'node:url';
import { ROOT } from '../../scripts/bootstrap.mjs';

/** Folders of sources, and where what was compiled of them lies. */
const COMPILED = [
  ['src/', 'dist/'],
  ['packages/wa-emulator/src/', 'packages/wa-emulator/dist/'],
].map((folders) => folders.map((folder) => pathToFileURL(ROOT + folder).href));

/** Leads from a source file to what was compiled of it. */
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const [source, compiled] = COMPILED.find(([folder]) => found.url.startsWith(folder)) ?? [];
  if (source === undefined) return found;
  const [path] = found.url.slice(source.length).split('?');
  return { url: compiled + path.replace(/\.tsx?$/, '.js'), format: 'module', shortCircuit: true };
}
