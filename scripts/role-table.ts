/**
 * `npm run docs:roles` writes the table of roles into docs/workspaces.md, from the code: what each role may do, and which
 * routes that opens. With `--check` it writes nothing and ends with 1 when the table is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { allRoutes } from '../src/controllers/index.ts';
import { type Route, scopeOf } from '../src/controllers/route.ts';
import { WORKSPACE_ROLES } from '../src/db/schema.ts';
import { PERMISSIONS, type Permission, roleMay } from '../src/services/roles.ts';

const FILE = fileURLToPath(new URL('../docs/workspaces.md', import.meta.url));
const BEGIN = '<!-- roles: made by npm run docs:roles -->';
const END = '<!-- end of roles -->';

/** The permission that a route needs of a role; null: nothing but a credential, or something else such as an administrator. */
function neededBy(route: Route): Permission | null {
  if (route.auth === 'public' || route.role) return null;
  if (route.permission) return route.permission;
  return route.auth === 'jwt' ? (route.scope ?? null) : scopeOf(route);
}

/** The table as Markdown: a row for each permission, a column for each role, then the routes of each permission. */
export function roleTable(routes: readonly Route[] = allRoutes): string {
  const head = ['permission', ...WORKSPACE_ROLES];
  const rows = PERMISSIONS.map((permission) => [
    `\`${permission}\``,
    ...WORKSPACE_ROLES.map((role) => (roleMay(role, permission) ? 'yes' : '')),
  ]);
  const cells = [head, head.map(() => '-'), ...rows];
  const widths = head.map((_name, i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  const lines = cells.map((row) => {
    const isRule = row.every((cell) => cell === '-');
    return `| ${row.map((cell, i) => (isRule ? '-'.repeat(widths[i] ?? 1) : cell.padEnd(widths[i] ?? 0))).join(' | ')} |`;
  });
  const lists = PERMISSIONS.flatMap((permission) => {
    const own = routes.filter((route) => neededBy(route) === permission);
    const names = own.map(({ method, path }) => `\`${method.toUpperCase()} ${path}\``);
    return names.length === 0 ? [] : [`- \`${permission}\`: ${names.join(', ')}`];
  });
  return [...lines, '', ...lists].join('\n');
}

/** docs/workspaces.md with the table of now. */
export function withRoleTable(text: string): string {
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`docs/workspaces.md has no "${BEGIN}" … "${END}"`);
  return `${text.slice(0, from + BEGIN.length)}\n\n${roleTable()}\n\n${text.slice(to)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = readFileSync(FILE, 'utf8');
  const fresh = withRoleTable(text);
  if (!process.argv.includes('--check')) writeFileSync(FILE, fresh);
  else if (fresh !== text) {
    console.error('docs/workspaces.md is stale: npm run docs:roles');
    process.exitCode = 1;
  }
}
