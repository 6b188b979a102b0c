import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copiedBlocks } from '../../scripts/structure/copies.ts';
import { directionBreaks, runTimeCircles } from '../../scripts/structure/directions.ts';
import { goneWords } from '../../scripts/structure/glossary.ts';
import { hiddenState, readSource, type SourceFile } from '../../scripts/structure/source.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wahub-structure-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function sources(texts: Record<string, string>): SourceFile[] {
  for (const [path, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return Object.keys(texts).map((path) => readSource(root, path));
}

describe('imports', () => {
  it('finds an import that runs upwards, also of a type and by re-export', () => {
    const files = sources({
      'src/utils/a.ts': "import { verb } from '../services/verb.ts';\nverb();\n",
      'src/db/b.ts': "import type { Verb } from '../services/verb.ts';\nexport type Mine = Verb;\n",
      'src/events/c.ts': "export * from '../queue/claim.ts';\n",
      'src/services/verb.ts': "import { id } from '../utils/ids.ts';\nexport const verb = () => id;\n",
    });
    expect(directionBreaks(files).map(({ from, line }) => `${from}:${line}`)).toEqual([
      'src/utils/a.ts:1',
      'src/db/b.ts:1',
      'src/events/c.ts:1',
    ]);
  });

  it('lets only the composition root know an adapter, and keeps the emulator apart', () => {
    const files = sources({
      'src/main.ts': "import { open } from './whatsapp/baileys/adapter.ts';\nopen();\n",
      'src/services/send.ts': "import { open } from '../whatsapp/baileys/adapter.ts';\nopen();\n",
      'packages/wa-emulator/src/server.ts': "import { id } from '../../../src/utils/ids.ts';\nid();\n",
      'src/sandbox.ts': "import { startEmulator } from 'wa-emulator';\nstartEmulator();\n",
      'src/services/phones.ts': "import { startEmulator } from 'wa-emulator';\nstartEmulator();\n",
    });
    expect(directionBreaks(files).map((found) => found.from)).toEqual([
      'src/services/send.ts',
      'packages/wa-emulator/src/server.ts',
      'src/services/phones.ts',
    ]);
  });

  it('knows a circle at run time from one of types', () => {
    const files = sources({
      'src/a.ts': "import { b } from './b.ts';\nexport const a = () => b();\n",
      'src/b.ts': "import { c } from './c.ts';\nexport const b = () => c();\n",
      'src/c.ts': "import { a } from './a.ts';\nexport const c = () => a();\n",
      'src/d.ts': "import type { E } from './e.ts';\nexport interface D { e: E }\n",
      'src/e.ts': "import { type D } from './d.ts';\nexport interface E { d: D }\n",
    });
    expect(runTimeCircles(files)).toEqual([['src/a.ts', 'src/b.ts', 'src/c.ts']]);
  });
});

describe('contents', () => {
  it('measures functions by the name a reader gives them', () => {
    const [file] = sources({
      'src/a.ts':
        'export function named() {\n  return 1;\n}\nconst held = () => {\n  return 2;\n};\nheld();\n',
    });
    expect(file?.functions).toEqual([
      { name: 'named', line: 1, lines: 3, ownLines: 3 },
      { name: 'held', line: 4, lines: 3, ownLines: 3 },
    ]);
  });

  it('tells the lines of a function from those of the functions inside it', () => {
    const text =
      'function outer() {\n  const a = () => {\n    return () => {\n      return 1;\n    };\n  };\n  return a;\n}\n';
    const [file] = sources({ 'src/a.ts': text });
    expect(file?.functions.map(({ lines, ownLines }) => [lines, ownLines])).toEqual([
      [8, 3],
      [5, 2],
      [3, 3],
    ]);
  });

  it('tells state from a table that nobody changes', () => {
    const [file] = sources({
      'src/a.ts': [
        'const table = new Map([["a", 1]]);',
        'const seen = new Map<string, number>();',
        'export let count = 0;',
        'export const look = (key: string) => table.get(key);',
        'export const mark = (key: string) => seen.set(key, (count += 1));',
      ].join('\n'),
    });
    expect(file?.state.map(({ name }) => name)).toEqual(['seen', 'count']);
  });

  it('refuses state in services, queue and controllers only', () => {
    const state = 'const seen = new WeakMap();';
    const paths = ['src/services/a.ts', 'src/queue/b/c.ts', 'src/controllers/d.tsx', 'src/utils/e.ts'];
    const files = sources({
      ...Object.fromEntries(paths.map((path) => [path, state])),
      'src/queue/f.ts': '',
    });
    expect(
      hiddenState(files)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(paths.slice(0, 3).sort());
  });

  it('lists a copied block once, at its full length, whatever its indent and comments', () => {
    const block = (indent: string, comment: string) =>
      Array.from({ length: 10 }, (_, at) => `${indent}step${at}();${at === 4 ? comment : ''}`).join('\n');
    const files = sources({
      'src/a.ts': `${block('', '')}\nend();\n`,
      'src/b.ts': `begin();\n{\n${block('  ', '\n  // why')}\n}\n`,
    });
    expect(copiedBlocks(files, 8)).toEqual([
      { lines: 10, first: { path: 'src/a.ts', line: 1 }, second: { path: 'src/b.ts', line: 3 } },
    ]);
  });
});

describe('names that went', () => {
  it('are found as whole words, with what to write instead', () => {
    const text = ['const size = PI', 'ECE;\n', '// reaches, wished, a FE', 'W\n'].join('');
    expect(goneWords('src/a.ts', text)).toEqual([
      { path: 'src/a.ts', line: 1, word: ['PI', 'ECE'].join(''), instead: 'BATCH_SIZE' },
      { path: 'src/a.ts', line: 2, word: ['FE', 'W'].join(''), instead: 'SCAN_LIMIT' },
    ]);
  });

  it('may stay where a protocol has them', () => {
    const text = `Buffer.from('${'Compan'}${'ion'} Pairing')`;
    expect(goneWords('src/whatsapp/baileys/passkey-protocol.ts', text)).toEqual([]);
    expect(goneWords('src/queue/enqueue.ts', text)).toHaveLength(1);
  });
});
