/** Which tests the parts on SQLite and on MariaDB leave out, as patterns of vitest. */
import { testsWithoutDatabase } from './without-database.mjs';

/** Of these every file is in a part of its own, or in one on each database. */
export const OWN_PARTS = [
  'tests/browser/**',
  'tests/scanner/**',
  'tests/examples/**',
  'tests/e2e/**',
  'tests/soak/**',
];
/** `*.mysql.test.ts` is about several processes; SQLite serves one. */
export const NOT_ON_SQLITE = [...OWN_PARTS, 'tests/**/*.mysql.test.ts'];
/**
 * No database in it, as its imports tell; or nothing that the database could change: protocols, files and the memory that they
 * take, words, and what is decided before anything is read. What the pages and routes of these ask of the database others ask
 * on both: each page `dashboard/pages`, each route `http/role-walk`, `http/bound-walk` and `fuzz/openapi`.
 */
export const NOT_ON_MYSQL = [
  ...OWN_PARTS,
  ...testsWithoutDatabase(),
  'tests/broadcast/import-formats.test.ts',
  'tests/cli/wrong-settings.test.ts',
  'tests/clients/**',
  'tests/dashboard/links.test.ts',
  'tests/dashboard/phone-emulator.test.ts',
  'tests/dashboard/role-pages.test.ts',
  'tests/dialects/clients.test.ts',
  'tests/dialects/golden.test.ts',
  'tests/http/docs.test.ts',
  'tests/http/errors.test.ts',
  'tests/http/route-table.test.ts',
  'tests/media/from-url.test.ts',
  'tests/media/inspect.test.ts',
  'tests/media/memory.test.ts',
  'tests/media/s3-send.test.ts',
  'packages/**',
  'tests/services/capability.test.ts',
  'tests/storage/**',
  'tests/utils/**',
  'tests/whatsapp/closing.test.ts',
  'tests/whatsapp/lifetime.test.ts',
  'tests/whatsapp/peers.test.ts',
  'tests/whatsapp/preload.test.ts',
  'tests/whatsapp/proxy.test.ts',
  'tests/whatsapp/standing.test.ts',
  'tests/whatsapp/stanza-fuzz.test.ts',
  'tests/whatsapp/trust.test.ts',
  'tests/**/*.sqlite.test.ts',
];
