/** Finds words of the pages that no page reads, by the names that the sources of the pages use. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Source {
  path: string;
  text: string;
}

const DASHBOARD = fileURLToPath(new URL('../../src/controllers/dashboard', import.meta.url));
const LOCALES = `${DASHBOARD}/locales/en`;
const CONTROLLERS = dirname(DASHBOARD);
/** A word that the service knows as a value, such as a state, a role or a reason, may be looked up by it. */
const VALUE = /['"]([\w.:*-]+)['"]/g;
/** A field of texts: of a short name as they have in pages, of what is called so, or of a call. */
const TEXT = /(?:\b[a-z]{1,2}|[Tt]exts|[Ww]ords|[)\]])\.(\w+)/g;
/** They read the texts that a page hands them. */
const SHARED = [`${DASHBOARD}/kit.tsx`, `${DASHBOARD}/parts.tsx`];

function sourcesIn(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.includes('locales/'))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(`${folder}/${name}`, 'utf8') }));
}

/** Who imports the words, what lies beside or below, and who uses a name that the importers export. */
function readersOf(file: string, sources: readonly Source[]): Source[] {
  const importers = sources.filter(({ text }) => text.includes(`locales/en/${file}'`));
  const folders = importers.map(({ path }) => dirname(path)).filter((folder) => folder !== DASHBOARD);
  const names = importers.flatMap(({ text }) =>
    [...text.matchAll(/export (?:const|function) (\w+)/g)].map(([, name]) => new RegExp(`\\b${name}\\b`)),
  );
  return sources.filter(
    ({ path, text }) =>
      SHARED.includes(path) ||
      importers.some((importer) => importer.path === path) ||
      folders.some((folder) => path.startsWith(`${folder}/`)) ||
      names.some((name) => name.test(text)),
  );
}

/** Says whether a text reads a name: as a field, taken apart, or put together as in t[`flaw_${name}`]. */
function readsOf(text: string): (name: string) => boolean {
  const read = new Set([...text.matchAll(TEXT)].map(([, name]) => name));
  for (const [, names = ''] of text.matchAll(/const \{([^}]*)\} = /g)) {
    for (const name of names.split(/\W+/)) read.add(name);
  }
  const made = [...text.matchAll(/\[`(\w*)\$\{[^}]*\}(\w*)`/g)].map(
    ([, begin, end]) => new RegExp(`^${begin}\\w+${end}$`),
  );
  return (name) => read.has(name) || made.some((pattern) => pattern.test(name));
}

/** `file.group.word` of each word that nothing reads; tables from names of programs to words are not looked at. */
export async function unusedWords(): Promise<string[]> {
  const sources = sourcesIn(CONTROLLERS);
  const all = sourcesIn(dirname(CONTROLLERS));
  const values = new Set(all.flatMap(({ text }) => [...text.matchAll(VALUE)].map(([, name]) => name)));
  const unused: string[] = [];
  for (const file of readdirSync(LOCALES)) {
    const typed = readFileSync(`${LOCALES}/${file}`, 'utf8');
    const reads = readsOf(
      readersOf(file, sources)
        .map(({ text }) => text)
        .join('\n'),
    );
    for (const [group, words] of Object.entries<object>(await import(`${LOCALES}/${file}`))) {
      if (typeof words !== 'object' || typed.includes(`export const ${group}: `)) continue;
      const unread = Object.keys(words).filter((word) => !reads(word) && !values.has(word));
      unused.push(...unread.map((word) => `${file}.${group}.${word}`));
    }
  }
  return unused;
}
