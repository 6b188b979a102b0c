import { pathToFileURL } from 'node:url';
import { ROOT } from '../../scripts/bootstrap.mjs';

const SRC = pathToFileURL(`${ROOT}src/`).href;
const DIST = pathToFileURL(`${ROOT}dist/`).href;

/** Leads from a source file to what was compiled of it. */
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (!found.url.startsWith(SRC)) return found;
  const [path] = found.url.slice(SRC.length).split('?');
  return { url: DIST + path.replace(/\.tsx?$/, '.js'), format: 'module', shortCircuit: true };
}
