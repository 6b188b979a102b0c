/**
 * Each engine on one of the databases, for tests of what both can: between SQLite and MariaDB they are shown on both, and take no longer
 * than on one. `scripts/capability-table.ts` takes the import of this file as proof of that.
 */
import '../../src/whatsapp/baileys/preload.ts';
import { dbType } from '../../src/db/kit.ts';
import { createBaileysEngine } from '../../src/whatsapp/baileys/adapter.ts';
import type { EngineName } from '../../src/whatsapp/capabilities.ts';
import { createMultiSessionEngine } from '../../src/whatsapp/multi-session/adapter.ts';

/** The engine of this run. */
export const ENGINE: EngineName = dbType === 'sqlite' ? 'baileys' : 'wa-multi-session';

/** Makes it. */
export const createEngine = ENGINE === 'baileys' ? createBaileysEngine : createMultiSessionEngine;
