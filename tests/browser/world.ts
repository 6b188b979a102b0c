/** The whole service in a process of its own, an emulator, and a Chromium that looks at it. */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { onTestFinished, TestRunner } from 'vitest';
import { type Emulator, startEmulator } from 'wa-emulator';
import type { Page as DashboardPage } from '../../src/controllers/dashboard/page.ts';
import { linkSession, type SandboxProcess, startSandboxProcess } from '../helpers/sandbox-process.ts';
import { PATIENCE_MS } from '../helpers/until.ts';

export interface Person {
  id: number;
  email: string;
  password: string;
  token: string;
  apiKey: string;
}

export interface Visit {
  page: Page;
  /** errors of the console and of scripts, and what the page's policy has blocked */
  problems: string[];
}

interface VisitOptions {
  /** signed in already; nobody when missing */
  as?: Person | 'admin';
  width?: number;
  lang?: 'en' | 'id';
  colorScheme?: 'light' | 'dark';
  /** axe is to be asked on many pages in a row: the browser takes it along and compiles it once */
  withAxe?: boolean;
}

export interface BrowserWorld {
  url: string;
  /** control API of the emulator */
  phone: string;
  emulator: Emulator;
  sandbox: SandboxProcess;
  admin: Person;
  tenant(role?: 'user' | 'readonly' | 'admin'): Promise<Person>;
  /** a session of the person that is connected already */
  link(person: Person, sessionId: string, phone: string): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely by tests
  api(person: Person, method: string, path: string, body?: unknown): Promise<{ status: number; body: any }>;
  /** Closed at the end of the test that opens it: it would go on asking for news. */
  page(options?: VisitOptions): Promise<Visit>;
  /** What axe finds serious or critical on the page, a line each. */
  axe(page: Page): Promise<string[]>;
  /** A picture for the documents, when SCREENSHOTS names a folder. */
  shot(page: Page, name: string): Promise<void>;
  close(): Promise<void>;
}

export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** The browser that looks at pages: of two that are named the one without windows. */
export function browserPath(): string {
  const path = process.env.HEADLESS_PATH || process.env.CHROMIUM_PATH;
  if (!path) throw new Error('CHROMIUM_PATH must name a Chromium');
  return path;
}

let launched: Promise<Browser> | null = null;

/** One browser for all test files of this process: a start costs as much as many pages. It ends with the process. */
function launch(): Promise<Browser> {
  const executablePath = browserPath();
  launched ??= chromium.launch({ executablePath, args: FLAGS });
  const started = launched;
  const forget = () => {
    if (launched === started) launched = null;
  };
  started.then((browser) => browser.once('disconnected', forget), forget);
  return started;
}

/** Starts all of it. Close it, or the test file does not end. */
export async function openBrowserWorld(env: Record<string, string> = {}): Promise<BrowserWorld> {
  const emulator = await startEmulator();
  const pace = { MESSAGE_DELAY_MIN: '50', MESSAGE_DELAY_MAX: '100', API_RATE_LIMIT_MAX: '100000' };
  const sandbox = await startSandboxProcess(emulator, { EMULATOR_URL: emulator.url, ...pace, ...env });
  /** those that no test closes at its end */
  const contexts: BrowserContext[] = [];
  const call = async (method: string, path: string, body: unknown, headers: Record<string, string>) => {
    const reply = await sandbox.call(method, path, body, { 'x-api-key': '', ...headers });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  const signIn = async (email: string, password: string): Promise<Person> => {
    const { token, user } = await call('POST', '/auth/login', { email, password }, {});
    return { id: user.id, email, password, token, apiKey: user.apiKey };
  };
  const admin = await signIn(sandbox.admin.email, sandbox.admin.password);
  let made = 0;

  return {
    url: sandbox.url,
    phone: emulator.url,
    emulator,
    sandbox,
    admin,
    async tenant(role = 'user') {
      const person = {
        email: `person-${++made}@example.com`,
        password: `password-${made}`,
        name: `Person ${made}`,
      };
      await call('POST', '/user/create', { ...person, role }, { authorization: `Bearer ${admin.token}` });
      return signIn(person.email, person.password);
    },
    link: (person, sessionId, phone) => {
      const as = (method: string, path: string, body?: unknown) =>
        sandbox.call(method, path, body, { 'x-api-key': person.apiKey });
      return linkSession({ call: as }, emulator, sessionId, phone);
    },
    api: (person, method, path, body) =>
      sandbox.call(method, path, body, { 'x-api-key': '', authorization: `Bearer ${person.token}` }),
    async page({ as, width = 1280, lang = 'en', colorScheme = 'light', withAxe = false } = {}) {
      const options: BrowserContextOptions = {
        viewport: { width, height: 900 },
        locale: lang === 'id' ? 'id-ID' : 'en-GB',
        timezoneId: 'Asia/Jakarta',
        colorScheme,
        baseURL: sandbox.url,
      };
      const context = await (await launch()).newContext(options);
      if (TestRunner.getCurrentTest() === undefined) contexts.push(context);
      else onTestFinished(() => context.close());
      context.setDefaultTimeout(PATIENCE_MS);
      const person = as === 'admin' ? admin : as;
      if (person) {
        await context.addCookies([signInCookie(person, sandbox.url)]);
      }
      const page = await context.newPage();
      if (withAxe) await page.addInitScript({ path: AXE });
      return { page, problems: watch(page) };
    },
    async axe(page) {
      // Not as a script of the page, whose policy would refuse it. It stays as long as the document.
      if (!(await page.evaluate('"axe" in window'))) await page.evaluate(await readAxe());
      return page.evaluate(AXE_RUN);
    },
    async shot(page, name) {
      const folder = process.env.SCREENSHOTS;
      if (!folder) return;
      mkdirSync(folder, { recursive: true });
      await page.screenshot({ path: join(folder, `${name}.png`) });
    },
    async close() {
      for (const context of contexts) await context.close();
      await sandbox.remove();
      await emulator.stop();
    },
  };
}

/** Who has it is signed in. */
export function signInCookie({ token }: Person, url: string) {
  return { name: 'wahub_session', value: token, url, httpOnly: true, sameSite: 'Strict' } as const;
}

async function readAxe(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return `${await readFile(AXE, 'utf8')};0`;
}

/** Addresses of what can be looked at without knowing an id; no downloads. */
export function addressesOf(pages: readonly DashboardPage[]): string[] {
  return pages
    .filter(({ method, path }) => method === 'get' && !path.includes(':') && !path.endsWith('/export'))
    .map(({ path, example }) => {
      const query = new URLSearchParams(example?.query).toString();
      return query === '' ? path : `${path}?${query}`;
    })
    .sort();
}

/** Runs in the page. A rule's own impact is that of all its findings: what cannot be serious is not looked for. */
const AXE_RUN = `window.axe.run(document, {
  resultTypes: ['violations'],
  rules: Object.fromEntries(
    window.axe._audit.rules
      .filter(({ impact }) => impact === 'minor' || impact === 'moderate')
      .map(({ id }) => [id, { enabled: false }]),
  ),
}).then(({ violations }) =>
  violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`;

/** What a visitor with open developer tools would be shown. Refusals of a form are answers, not errors. */
export function watch(page: Page): string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    if (/status of 4\d\d/.test(message.text())) return;
    // A page that is left while it asks for news ends that request; one that fails is told by another message as well.
    if (/^htmx:(sendAbort|afterRequest),/.test(message.text())) return;
    problems.push(`${message.type()}: ${message.text()}`);
  });
  return problems;
}
