/** The state of the service, for administrators. */
import { createRequire } from 'node:module';
import { readLive } from '../cluster/processes.ts';
import type { Ctx } from './context.ts';
import { type Health, readHealth } from './health.ts';
import { requireAdmin } from './users.ts';

export interface System {
  version: string;
  node: string;
  /** of this process */
  uptimeSeconds: number;
  health: Health;
  /** whose lease runs; 0 while the database is away */
  processes: number;
  scansUploads: boolean;
}

/** Reads what can be said within some seconds. For admins who signed in. */
export async function readSystem(ctx: Ctx): Promise<System> {
  requireAdmin(ctx);
  const health = await readHealth(ctx);
  const live = health.database.status === 'up' ? await readLive(ctx.database) : [];
  return {
    version: readVersion(),
    node: process.versions.node,
    uptimeSeconds: Math.floor(process.uptime()),
    health,
    processes: live.length,
    scansUploads: ctx.config.files.clamav !== null,
  };
}

/** Built or not, the manifest is beside the folder that this one is in. */
function readVersion(): string {
  const found: { version?: unknown } = createRequire(import.meta.url)('../../package.json');
  return typeof found.version === 'string' ? found.version : 'unknown';
}
