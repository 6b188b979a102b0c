/** Which tests have nothing to do with the database, as their imports tell. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from './bootstrap.mjs';

/** Modules of the service that a test reaches a database by, and those that know which one it is. */
const OF_DATABASES = /^src\/(?:db\/|cli\/|gateway\.ts|main\.ts|service\.ts|sandbox\.ts)/;
/** Words of a test or a helper that opens one by another way, starts a process on it, or asks which it is. */
const ABOUT_DATABASES = /\b(?:dbType|DB_TYPE|openDatabase|TEST_MYSQL_URL)\b|\bdist\//;
/** What is followed: tests, and tools that they load. */
const FOLLOWED = /^(?:tests|scripts|bench)\//;
/** Whatever is loaded by a path of its own. Types are not loaded. */
const LOADS =
  /^(?:import|export)\s+(?!type\b)[^;']*?from\s+'(\.[^']+)'|^import\s+'(\.[^']+)'|\b(?:import|URL)\('(\.[^']+)'/gm;

/**
 * The test files below tests/, as paths from the root, that reach no database by any of their helpers: on each database they
 * would do the same. A file that cannot be told from its imports is not among them, nor is one that runs on MariaDB only.
 * @returns {string[]}
 */
export function testsWithoutDatabase() {
  const loads = new Map();
  /** The modules that one of the followed loads itself; null when it is about databases. */
  function loadedBy(file) {
    if (!loads.has(file)) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      const places = [...text.matchAll(LOADS)].map(([, from, bare, at]) => from ?? bare ?? at);
      const paths = places.map((place) => unixPath(relative(ROOT, join(ROOT, dirname(file), place))));
      loads.set(file, ABOUT_DATABASES.test(text) ? null : paths);
    }
    return loads.get(file);
  }
  /** A module of the service that is none of databases meets the one that it is given. */
  function reachesDatabase(test) {
    const seen = new Set([test]);
    for (const file of seen) {
      const loaded = FOLLOWED.test(file) ? loadedBy(file) : [];
      if (loaded === null || OF_DATABASES.test(file)) return true;
      for (const next of loaded) seen.add(next);
    }
    return false;
  }
  return readdirSync(join(ROOT, 'tests'), { recursive: true, encoding: 'utf8' })
    .map((name) => unixPath(join('tests', name)))
    .filter((file) => file.endsWith('.test.ts') && !file.endsWith('.mysql.test.ts') && !reachesDatabase(file))
    .sort();
}

const unixPath = (path) => path.replaceAll('\\', '/');
