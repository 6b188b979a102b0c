/** The browser extension of `extension/`, as people download it from the service that they link a number in. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import { packageRoot } from '../db/journal.ts';

/** The name of the zip and of the folder in it. */
export const EXTENSION_NAME = 'wahub-passkey';

/** All its files in one folder, about 10 kB. */
export async function packPasskeyExtension(): Promise<Buffer> {
  const folder = join(packageRoot(), 'extension');
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = found
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
  const zip = new ZipFile();
  for (const name of names) zip.addBuffer(await readFile(join(folder, name)), `${EXTENSION_NAME}/${name}`);
  zip.end();
  return buffer(zip.outputStream);
}
