/** Whether a backup is what was written: looked at as a whole before anything is done with it. */
import { createHash } from 'node:crypto';
import { StartError } from '../../utils/errors.ts';
import { fileEntry, MANIFEST, type Manifest, parseManifest } from './format.ts';
import { type BackupSource, readBody } from './sources.ts';

const MAX_MANIFEST_BYTES = 512 * 1024 * 1024;

export interface Verified {
  manifest: Manifest;
  /** names of files that are missing or have other bytes; the tables are whole */
  damagedFiles: ReadonlySet<string>;
}

/** Reads everything once. Throws StartError for what is no backup, is not whole, or has a table that was changed. */
export async function verifyBackup(
  source: BackupSource,
  onProgress?: (what: string) => void,
): Promise<Verified> {
  const found = new Map<string, string>();
  let text: string | null = null;
  let bytes = 0;
  for await (const { name, body } of source.entries()) {
    if (name === MANIFEST) {
      text = (await readBody(body, MAX_MANIFEST_BYTES)).toString();
      continue;
    }
    const hash = createHash('sha256');
    for await (const chunk of body) {
      hash.update(chunk);
      bytes += chunk.length;
      onProgress?.(`checked ${Math.round(bytes / 1_000_000)} MB`);
    }
    found.set(name, hash.digest('hex'));
  }
  if (text === null) throw new StartError(`${source.path} is not a backup of WaHub, or not a whole one`);
  const manifest = parseManifest(text, source.path);
  for (const { pieces } of manifest.tables) {
    for (const { name, sha256 } of pieces) {
      if (found.get(name) === sha256) continue;
      const what = found.has(name) ? 'was changed' : 'is missing';
      throw new StartError(`${source.path} is damaged: ${name} ${what}`);
    }
  }
  const damaged = manifest.files.filter(({ name, sha256 }) => found.get(fileEntry(name)) !== sha256);
  return { manifest, damagedFiles: new Set(damaged.map(({ name }) => name)) };
}
