/** Generates the migrations of both dialects from src/db/schema.ts; arguments (`--name=…`) go to drizzle-kit. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const kit = fileURLToPath(new URL('../node_modules/drizzle-kit/bin.cjs', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));

for (const dialect of ['sqlite', 'mysql']) {
  const run = spawnSync(process.execPath, [kit, 'generate', ...process.argv.slice(2)], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, DB_TYPE: dialect },
  });
  if (run.status !== 0) process.exit(run.status ?? 1);
}
