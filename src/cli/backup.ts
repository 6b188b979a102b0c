/** `npm run backup -- <new folder or .tar file>`: database and files, beside the running service. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../db/journal.ts';
import type { Manifest } from '../services/backup/format.ts';
import { createTarget } from '../services/backup/targets.ts';
import { writeBackup } from '../services/backup/write.ts';
import { loadDataConfig } from '../utils/config.ts';
import { StartError } from '../utils/errors.ts';
import { withBackupFiles } from './backup-files.ts';
import type { Reporter } from './tool.ts';

const USAGE = 'usage: npm run backup -- <new folder, or new file that ends in .tar>';

/** Makes a backup. Throws StartError. */
export async function backup(args: readonly string[], reporter: Reporter): Promise<void> {
  const [path, ...rest] = args;
  if (path === undefined || path.startsWith('-') || rest.length > 0) throw new StartError(USAGE);
  const config = loadDataConfig(process.env);
  const target = await createTarget(path);
  const { manifest, missingFiles, changedFiles } = await withBackupFiles(config, (places) =>
    writeBackup({
      ...places,
      database: config.database,
      target,
      version: readVersion(),
      onProgress: reporter.progress,
    }),
  );
  reporter.say(`Wrote ${target.path}: ${describe(manifest)}`);
  const keyIds = Object.keys(manifest.sealed);
  if (keyIds.length > 0) {
    const which =
      keyIds.length === 1 ? `key with the id ${keyIds[0]}` : `keys with the ids ${keyIds.join(', ')}`;
    reporter.say(`It needs the encryption ${which}, which is not in it: keep that somewhere else.`);
  }
  if (missingFiles > 0) reporter.warn(`${missingFiles} files are in the database and not in the storage`);
  if (changedFiles > 0) reporter.warn(`${changedFiles} files in the storage are not what was stored there`);
}

/** In one line, for both tools. */
export function describe({ tables, files, madeAt, live, dialect, migration }: Manifest): string {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = [...tables.flatMap((table) => table.pieces), ...files].reduce(
    (sum, part) => sum + part.bytes,
    0,
  );
  const service = live ? 'while the service ran' : 'without a running service';
  return `${rows} rows of ${tables.length} tables and ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, from ${dialect} at ${migration}, as of ${madeAt}, ${service}`;
}

function readVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(
    readFileSync(join(packageRoot(), 'package.json'), 'utf8'),
  );
  return String(version);
}
