/** Finds blocks of equal lines that stand in two places. */
import type { SourceFile } from './source.ts';

/** A block that is in two places; lines are those of the files. */
export interface Copy {
  lines: number;
  first: { path: string; line: number };
  second: { path: string; line: number };
}

interface CodeLine {
  path: string;
  line: number;
  text: string;
}

/** Lines that a reader does not count: blank lines, lone punctuation, comments, imports. */
const IGNORED = /^$|^[\])}>(,;]+$|^\/\/|^\/?\*/;

/**
 * Blocks of more than `most` equal lines, longest first. White space at both ends of a line does not count, nor do
 * blank lines, comments, imports and lines of punctuation alone. Each block is listed once, at its full length.
 */
export function copiedBlocks(files: readonly SourceFile[], most: number): Copy[] {
  const code = files.flatMap(codeLines);
  const size = most + 1;
  const places = new Map<string, number[]>();
  for (let at = 0; at + size <= code.length; at += 1) {
    if (code[at]?.path !== code[at + size - 1]?.path) continue;
    const key = code
      .slice(at, at + size)
      .map((line) => line.text)
      .join('\n');
    places.set(key, [...(places.get(key) ?? []), at]);
  }
  const found: Copy[] = [];
  for (const starts of places.values()) {
    const [first] = starts;
    if (first === undefined) continue;
    for (const second of starts.slice(1)) {
      // The block before it was longer and holds this one.
      if (sameLine(code[first - 1], code[second - 1])) continue;
      const copy = wholeCopy(code, first, second);
      if (copy) found.push(copy);
    }
  }
  return found.sort((a, b) => b.lines - a.lines);
}

function codeLines(file: SourceFile): CodeLine[] {
  return file.code
    .split('\n')
    .map((text, index) => ({ path: file.path, line: index + 1, text: text.trim() }))
    .filter(({ text }) => !IGNORED.test(text));
}

function sameLine(a: CodeLine | undefined, b: CodeLine | undefined): boolean {
  return a !== undefined && b !== undefined && a.text === b.text;
}

function wholeCopy(code: readonly CodeLine[], first: number, second: number): Copy | null {
  const [a, b] = [code[first], code[second]];
  if (!a || !b) return null;
  let lines = 0;
  while (first + lines < second && sameLine(code[first + lines], code[second + lines])) {
    if (code[first + lines]?.path !== a.path || code[second + lines]?.path !== b.path) break;
    lines += 1;
  }
  return { lines, first: { path: a.path, line: a.line }, second: { path: b.path, line: b.line } };
}
