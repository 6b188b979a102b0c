/**
 * Prints the licence of every package that the service runs with. With `--check` it fails on a licence of a kind that
 * nobody has looked at yet, and on a copyleft one that NOTICE does not name.
 */
import { readFileSync } from 'node:fs';

/** Kinds that ask for no more than their text being kept. A new one is added after somebody has read it. */
const KNOWN = new Set([
  '0BSD',
  'Apache-2.0',
  'Apache 2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
]);

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const { packages } = JSON.parse(read('package-lock.json'));
/** Lines of NOTICE: a name, which may end with a star, and its licence. */
const notices = [...read('NOTICE').matchAll(/^- `([^`]+)` \(([^)]+)\)/gm)].map(([, name, license]) => ({
  name,
  license,
}));
const isNoticed = (row) =>
  notices.some(
    ({ name, license }) =>
      license === row.license &&
      (name.endsWith('*') ? row.name.startsWith(name.slice(0, -1)) : row.name === name),
  );

const rows = Object.entries(packages)
  .filter(([path, found]) => path.includes('node_modules/') && found.dev !== true && found.link !== true)
  .map(([path, found]) => ({
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    version: found.version,
    license: found.license ?? licenceOnDisk(path),
  }));

/** Some packages say it in their own file only. */
function licenceOnDisk(path) {
  try {
    const { license, licenses } = JSON.parse(read(`${path}/package.json`));
    return license?.type ?? license ?? licenses?.map(({ type }) => type).join(' OR ') ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

/** `(MIT OR Apache-2.0)` is known by one of them, `MIT AND ISC` by both. */
function isKnown(license) {
  const text = license.replace(/[()]/g, ' ');
  const all = (part) => part.split(/\s+AND\s+/i).every((name) => KNOWN.has(name.trim()));
  return text.split(/\s+OR\s+/i).some(all);
}

const unknown = rows.filter((row) => !isKnown(row.license) && !isNoticed(row));
if (process.argv.includes('--check')) {
  for (const { name, version, license } of unknown) {
    console.error(
      `${name}@${version} is under ${license}: read it, then add it to scripts/licenses.mjs or NOTICE`,
    );
  }
  process.exitCode = unknown.length > 0 ? 1 : 0;
} else {
  const width = Math.max(...rows.map(({ name, version }) => name.length + version.length + 1));
  for (const { name, version, license } of rows.sort((a, b) => a.name.localeCompare(b.name))) {
    console.log(`${`${name}@${version}`.padEnd(width)}  ${license}`);
  }
}
