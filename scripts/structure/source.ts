/** Reads TypeScript sources into what the structure report needs: lines, imports, functions, module-level state. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import { parseSync, type StaticImport } from 'oxc-parser';

/** A function with a body, by the name that a reader would give it. */
export interface SourceFunction {
  name: string;
  line: number;
  lines: number;
  /** Lines without those of the functions inside it. */
  ownLines: number;
}

/** One source file. Paths are relative to the project's root, with forward slashes. */
export interface SourceFile {
  path: string;
  /** The text, with blanks where imports stood. */
  code: string;
  lines: number;
  /** Files of the project that this one imports, and whether something of the import exists at run time. */
  imports: { path: string; atRunTime: boolean; line: number }[];
  functions: SourceFunction[];
  /** Module-level variables that keep something between calls. */
  state: { name: string; line: number }[];
}

/** Folders whose modules keep nothing: what the process remembers is built, and stopped, by `buildDeps`. */
const WITHOUT_STATE = /^src\/(services|queue|controllers)\//;

/** Files that keep state although their folder must not. */
export function hiddenState(files: readonly SourceFile[]): SourceFile[] {
  return files.filter(({ path, state }) => WITHOUT_STATE.test(path) && state.length > 0);
}

/** The part of an ESTree node that we walk by. */
interface AstNode {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

/** Packages of this repository, by the name under which the service imports them. */
const PACKAGES: Record<string, string> = { 'wa-emulator': 'packages/wa-emulator/src/index.ts' };

/** Constructors whose instances exist to remember. */
const STATEFUL = new Set(['WeakMap', 'WeakSet', 'LRUCache', 'PQueue', 'AsyncLocalStorage', 'EventEmitter']);
/** They may also be tables that nobody changes. */
const COLLECTIONS = new Set(['Map', 'Set']);
const CHANGES = ['.set(', '.add(', '.delete(', '.clear('];
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/**
 * Parses one file of the project.
 * @param root absolute path of the project
 * @param path the file's path, relative to `root`
 * @throws Error when the file has a syntax error
 */
export function readSource(root: string, path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8');
  const parsed = parseSync(path, text);
  const broken = parsed.errors.find((error) => error.severity === 'Error');
  if (broken) throw new Error(`${path}: ${broken.message}`);
  const lineOf = lineFinder(text);
  const program = parsed.program as unknown as AstNode;
  return {
    path,
    code: parsed.module.staticImports.reduce((rest, found) => blank(rest, found.start, found.end), text),
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    imports: [
      ...parsed.module.staticImports.map((found) => ({
        request: found.moduleRequest.value,
        atRunTime: existsAtRunTime(found, text),
        line: lineOf(found.start),
      })),
      ...reExports(program, lineOf),
    ].flatMap(({ request, ...rest }) => {
      const target = request.startsWith('.') ? join(dirname(path), request) : PACKAGES[request];
      return target === undefined ? [] : [{ ...rest, path: target }];
    }),
    functions: functionsOf(program, lineOf),
    state: stateOf(program, text, lineOf),
  };
}

/** The same number of lines and characters, without what was between `start` and `end`. */
function blank(text: string, start: number, end: number): string {
  return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, ' ') + text.slice(end);
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

function existsAtRunTime(found: StaticImport, text: string): boolean {
  if (/^import\s+type\b/.test(text.slice(found.start, found.start + 20))) return false;
  return found.entries.length === 0 || found.entries.some((entry) => !entry.isType);
}

/** `export … from`, which is an import too. */
function reExports(program: AstNode, lineOf: (offset: number) => number) {
  return nodesIn(program.body).flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration' && node.type !== 'ExportAllDeclaration') return [];
    const source = node.source as { value: string } | null | undefined;
    if (!source) return [];
    return [{ request: source.value, atRunTime: node.exportKind !== 'type', line: lineOf(node.start) }];
  });
}

function functionsOf(program: AstNode, lineOf: (offset: number) => number): SourceFunction[] {
  const found: SourceFunction[] = [];
  walk(program, '', (node, name) => {
    const body = node.body as AstNode | null | undefined;
    if (!FUNCTIONS.has(node.type) || !body || body.type !== 'BlockStatement') return;
    const line = lineOf(node.start);
    const lines = lineOf(node.end) - line + 1;
    found.push({ name: nameOf(node) || name || '(anonymous)', line, lines, ownLines: lines });
  });
  for (const outer of found) outer.ownLines = outer.lines - linesInside(outer, found);
  return found;
}

/** The lines of those that are in `outer`, and in no other function that is in it. */
function linesInside(outer: SourceFunction, all: readonly SourceFunction[]): number {
  const isIn = (one: SourceFunction, other: SourceFunction) =>
    one !== other && one.line >= other.line && one.line + one.lines <= other.line + other.lines;
  const inside = all.filter((one) => one.lines > 1 && isIn(one, outer));
  return inside
    .filter((one) => !inside.some((other) => isIn(one, other)))
    .reduce((sum, { lines }) => sum + lines, 0);
}

/** Visits every node; `name` is what the nearest variable, property or method around it is called. */
function walk(node: AstNode, name: string, visit: (node: AstNode, name: string) => void): void {
  visit(node, name);
  const inner = nameOf(node) || (FUNCTIONS.has(node.type) ? '' : name);
  for (const key of Object.keys(node)) {
    for (const child of nodesIn(node[key])) walk(child, inner, visit);
  }
}

function nameOf(node: AstNode): string {
  const named = (node.id ?? (node.computed === true ? undefined : node.key)) as
    | { name?: unknown }
    | null
    | undefined;
  return typeof named?.name === 'string' ? named.name : '';
}

function nodesIn(value: unknown): AstNode[] {
  const all: unknown[] = Array.isArray(value) ? value : [value];
  return all.filter((one): one is AstNode => {
    return typeof one === 'object' && one !== null && typeof (one as AstNode).type === 'string';
  });
}

function stateOf(program: AstNode, text: string, lineOf: (offset: number) => number): SourceFile['state'] {
  const declarations = nodesIn(program.body).flatMap((node) =>
    node.type === 'ExportNamedDeclaration' ? nodesIn(node.declaration) : [node],
  );
  return declarations
    .filter((node) => node.type === 'VariableDeclaration' && node.declare !== true)
    .flatMap((node) =>
      nodesIn(node.declarations)
        .filter((declared) => node.kind !== 'const' || remembers(declared, text))
        .map((declared) => ({ name: nameOf(declared), line: lineOf(declared.start) })),
    );
}

function remembers(declared: AstNode, text: string): boolean {
  const value = declared.init as AstNode | null;
  if (value?.type !== 'NewExpression') return false;
  const constructorName = (value.callee as { name?: string }).name ?? '';
  if (STATEFUL.has(constructorName)) return true;
  return COLLECTIONS.has(constructorName) && CHANGES.some((call) => text.includes(nameOf(declared) + call));
}
