import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const fileUrl = (...names: string[]) => pathToFileURL(join(import.meta.dirname, ...names)).href;

/**
 * Node's arguments for a process of a benchmark: the service's code is the one that was compiled, and the storage shim
 * of Node 20 is there before Baileys, as the service itself sees to it.
 */
export const AS_SHIPPED: readonly string[] = [
  ...['--import', 'tsx'],
  ...['--import', fileUrl('built.mjs')],
  ...['--import', fileUrl('..', '..', 'dist', 'whatsapp', 'baileys', 'preload.js')],
];
