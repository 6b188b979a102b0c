/** Requests with the answers that clients of the older systems rely on, told as data and run in their order. */
import { expect } from 'vitest';
import type { TestGateway } from '../helpers/gateway.ts';

export interface FormFile {
  file: Uint8Array | string;
  name: string;
  type: string;
}

export interface Golden {
  says: string;
  /** `GET /api/sessions/my-session/qr`; `{name}` is what an earlier answer was asked to keep */
  request: `${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`;
  body?: Record<string, unknown>;
  form?: Record<string, string | FormFile>;
  headers?: Record<string, string>;
  /** the admin's key when missing */
  credential?: 'token' | 'none';
  status: number;
  /** keys, kinds and fixed values; more keys are allowed */
  answer?: Record<string, unknown>;
  contentType?: string;
  /** what the answer's text holds, where it is no JSON */
  contains?: readonly string[];
  /** name -> path in the answer */
  keep?: Record<string, string>;
  /** a worker brings it about: the request is made again until the answer is that one, ten seconds at most */
  eventually?: boolean;
  /** what has to happen in the world before */
  before?(): Promise<unknown> | unknown;
}

export type Kept = Map<string, string>;

/** Sends the request as a client would and holds the answer to the fixture. */
export async function runGolden(
  gateway: Pick<TestGateway, 'url' | 'config'>,
  golden: Golden,
  kept: Kept,
): Promise<void> {
  await golden.before?.();
  if (!golden.eventually) return ask(gateway, golden, kept);
  await expect
    .poll(() => ask(gateway, golden, kept).then(() => 'as documented'), POLLING)
    .toBe('as documented');
}

const POLLING = { timeout: 10_000, interval: 100 };

async function ask(gateway: Pick<TestGateway, 'url' | 'config'>, golden: Golden, kept: Kept): Promise<void> {
  const [method = 'GET', path = '/'] = fill(golden.request, kept).split(' ');
  const headers = new Headers({ ...credentialOf(gateway, golden, kept), ...golden.headers });
  const init: RequestInit = { method, headers };
  if (golden.body) {
    headers.set('content-type', 'application/json');
    init.body = fill(JSON.stringify(golden.body), kept);
  } else if (golden.form) init.body = toForm(golden.form, kept);
  const response = await fetch(`${gateway.url}${path}`, init);
  const answer = await response.text();
  expect(`${response.status} ${response.ok ? '' : answer}`.trim(), answer).toMatch(
    new RegExp(`^${golden.status}\\b`),
  );
  if (golden.contentType !== undefined) {
    expect(response.headers.get('content-type')).toContain(golden.contentType);
  }
  for (const part of golden.contains ?? []) expect(answer).toContain(fill(part, kept));
  if (golden.answer === undefined && golden.keep === undefined) return;
  const parsed: unknown = JSON.parse(answer);
  if (golden.answer) expect(parsed).toMatchObject(golden.answer);
  for (const [name, where] of Object.entries(golden.keep ?? {})) kept.set(name, String(dig(parsed, where)));
}

function credentialOf(
  { config }: Pick<TestGateway, 'config'>,
  { credential }: Golden,
  kept: Kept,
): Record<string, string> {
  if (credential === 'none') return {};
  if (credential === 'token') return { authorization: `Bearer ${kept.get('token') ?? ''}` };
  return { 'x-api-key': config.adminKey ?? '' };
}

function toForm(fields: Record<string, string | FormFile>, kept: Kept): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'string') form.append(name, fill(value, kept));
    else form.append(name, new Blob([toPart(value.file)], { type: value.type }), value.name);
  }
  return form;
}

/** A Blob wants bytes of its own memory. */
const toPart = (file: Uint8Array | string) => (typeof file === 'string' ? file : new Uint8Array(file));

const fill = (template: string, kept: Kept): string =>
  template.replace(/\{(\w+)\}/g, (all, name: string) => kept.get(name) ?? all);

function dig(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !(name in at)) throw new Error(`the answer has no ${path}`);
    at = Reflect.get(at, name);
  }
  return at;
}
