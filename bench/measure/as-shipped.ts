import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const fileUrl = (...names: string[]) => pathToFileURL(join(import.meta.dirname, ...names)).href;

const BUILT = ['--import', 'tsx', '--import', fileUrl('built.mjs')];

/**
 * Node's arguments for a process of a benchmark: the service's code is the one that was compiled, and the storage of
 * its own for Node 20 is there before Baileys, as the service itself sees to it.
 */
export const AS_SHIPPED: readonly string[] = [
  ...BUILT,
  ...['--import', fileUrl('..', '..', 'dist', 'whatsapp', 'baileys', 'preload.js')],
];

/** The same for a client without the service: its storage is Node's own. */
export const BARE: readonly string[] = [...BUILT, '--import', fileUrl('one-storage.ts')];
