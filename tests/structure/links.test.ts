/** Every link of the documents leads somewhere: to a file that is there, and to a heading that it has. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url).pathname;
const DOCUMENTS = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .trim()
  .split('\n');

const textOf = (path: string) =>
  readFileSync(join(ROOT, path), 'utf8').replace(/^(```|~~~)[\s\S]*?^\1/gm, '');

/** The anchors of a document, as GitHub makes them of its headings. */
function anchorsOf(path: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of textOf(path).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const slug = text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  for (const [, name = ''] of textOf(path).matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(name);
  return anchors;
}

/** The links of a document that stay in the repository. */
function linksOf(path: string): string[] {
  const text = textOf(path).replace(/`[^`\n]*`/g, '');
  const inline = [...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map(([, target = '']) => target);
  const html = [...text.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, target = '']) => target);
  return [...inline, ...html].filter((target) => !/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(target));
}

function fault(from: string, link: string): string | null {
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? from : normalize(join(dirname(from), decodeURIComponent(file)));
  if (path.startsWith('..')) return 'leads out of the repository';
  if (!existsSync(join(ROOT, path))) return 'no such file';
  if (anchor === undefined || anchor === '') return null;
  if (statSync(join(ROOT, path)).isDirectory()) return 'a folder has no headings';
  // Lines of source: GitHub makes these itself.
  if (!path.endsWith('.md')) return /^L\d+(?:-L\d+)?$/.test(anchor) ? null : 'only documents have headings';
  return anchorsOf(path).has(anchor) ? null : 'no such heading';
}

it('there are documents with links', () => {
  expect(DOCUMENTS.length).toBeGreaterThan(15);
  expect(linksOf('README.md').length).toBeGreaterThan(20);
});

it('every link of every document leads somewhere', () => {
  const broken = DOCUMENTS.flatMap((path) =>
    linksOf(path).flatMap((link) => {
      const why = fault(path, link);
      return why === null ? [] : [`${path}: ${link}: ${why}`];
    }),
  );
  expect(broken).toEqual([]);
});

it('a link to nothing is found', () => {
  expect(fault('README.md', 'docs/none.md')).toBe('no such file');
  expect(fault('README.md', 'docs/operations.md#none')).toBe('no such heading');
  expect(fault('docs/operations.md', '../README.md#what-it-promises')).toBeNull();
});

it('the README begins with a picture and what is different, and has an index by task', () => {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const fold = text.split('\n').slice(0, 15).join('\n');
  expect(fold).toMatch(/^!\[[^\]]+\]\(docs\/images\/\w+\.png\)$/m);
  expect(fold).toMatch(/Unlike most gateways/);
  const tasks = text.slice(text.indexOf('## What do you want to do?')).split('\n## ', 1)[0] ?? '';
  expect(tasks).toMatch(/^\| Send login codes from Laravel/m);
  expect(tasks.match(/^\| /gm)?.length).toBeGreaterThan(15);
});
