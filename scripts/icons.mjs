/**
 * `npm run icons` writes the dashboard's icons, taken from lucide-static, into
 * src/controllers/dashboard/assets/icons.ts. With `--check` it writes nothing and ends with 1 when that file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { resolve } = createRequire(import.meta.url);
const FILE = new URL('../src/controllers/dashboard/assets/icons.ts', import.meta.url);

/** Our name of each, and Lucide's. */
const ICONS = {
  overview: 'layout-dashboard',
  sessions: 'smartphone',
  messages: 'messages-square',
  otp: 'key-round',
  broadcast: 'megaphone',
  developers: 'code-xml',
  team: 'users',
  admin: 'shield-check',
  phone: 'tablet-smartphone',
  more: 'ellipsis',
  search: 'search',
  account: 'circle-user-round',
  filter: 'list-filter',
  download: 'download',
  empty: 'inbox',
  close: 'x',
  out: 'arrow-up-right',
  in: 'arrow-down-left',
};

function shapesOf(name) {
  const svg = readFileSync(resolve(`lucide-static/icons/${name}.svg`), 'utf8');
  const inner = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)?.[1] ?? '';
  return inner.replace(/\s*\n\s*/g, '');
}

const lines = Object.entries(ICONS).map(([name, file]) => `  ${name}:\n    '${shapesOf(file)}',\n`);
const text = `/** Icons of Lucide (see NOTICE), drawn on 24 by 24: made by \`npm run icons\`, not by hand. */
export const ICONS = {
${lines.join('')}} as const;
`;

if (!process.argv.includes('--check')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error('src/controllers/dashboard/assets/icons.ts is stale: run `npm run icons`');
  process.exit(1);
}
