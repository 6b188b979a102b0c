/** The regular expressions of the source, found in its syntax trees. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSync } from 'oxc-parser';

export interface Pattern {
  /** `src/utils/phone.ts:12` */
  where: string;
  source: string;
  flags: string;
}

/** Where a pattern is put together at run time, so that nobody can say beforehand what it is. */
export interface MadePattern {
  where: string;
  code: string;
}

/** Methods that make a pattern of a text. */
const COMPILING = new Set(['match', 'matchAll', 'search']);
const ROOT = join(import.meta.dirname, '../..');

/** Every pattern of the files in `folder`. */
export function patternsIn(folder: string): { patterns: Pattern[]; made: MadePattern[] } {
  const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  const patterns: Pattern[] = [];
  const made: MadePattern[] = [];
  for (const file of files.filter((name) => /\.tsx?$/.test(name))) {
    const path = join(folder, file);
    const text = readFileSync(join(ROOT, path), 'utf8');
    const found = patternsOf(path, text);
    patterns.push(...found.patterns);
    made.push(...found.made);
  }
  return { patterns, made };
}

/** Every pattern of one file's text. Throws for what is not TypeScript. */
export function patternsOf(path: string, text: string): { patterns: Pattern[]; made: MadePattern[] } {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const patterns: Pattern[] = [];
  const made: MadePattern[] = [];
  visit(program, (node) => {
    const where = `${path}:${text.slice(0, Number(node.start)).split('\n').length}`;
    if (isNode(node.regex)) {
      patterns.push({ where, source: String(node.regex.pattern), flags: String(node.regex.flags) });
    } else if (compiles(node)) {
      made.push({ where, code: text.slice(Number(node.start), Number(node.end)) });
    }
  });
  return { patterns, made };
}

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

function visit(value: unknown, see: (node: Node) => void): void {
  if (Array.isArray(value)) for (const item of value) visit(item, see);
  else if (isNode(value)) {
    see(value);
    for (const child of Object.values(value)) visit(child, see);
  }
}

/** `RegExp(…)`, `new RegExp(…)`, or a text given to what makes a pattern of it. */
function compiles({ type, callee, arguments: given }: Node): boolean {
  if ((type !== 'NewExpression' && type !== 'CallExpression') || !isNode(callee)) return false;
  if (callee.name === 'RegExp') return true;
  const { property } = callee;
  if (type === 'NewExpression' || !isNode(property) || !COMPILING.has(String(property.name))) return false;
  const [first] = Array.isArray(given) ? given : [];
  return isNode(first) && (first.type === 'TemplateLiteral' || typeof first.value === 'string');
}
