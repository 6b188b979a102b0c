/** Page literals -> Hono handlers: sign-in, origin and token, form, the verb's answer as a page or a part of one. */
import type { Hono, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { Fragment } from 'hono/jsx';
import type { z } from 'zod';
import { toAppError } from '../../middlewares/errors.ts';
import type { HttpContext, HttpEnv } from '../../middlewares/http-env.ts';
import { limitRequests, withBudget } from '../../middlewares/rate-limit.ts';
import { isMultipart, orBrokenOff, readBody, receiveBody, wholeOf } from '../../middlewares/receive-body.ts';
import { inShareOf, takeTurn } from '../../middlewares/turns.ts';
import { isReadOnly, may, requirePermission, requireWrite } from '../../services/access.ts';
import { type Alarm, alarmsOfReader } from '../../services/alarms/reader.ts';
import { readMe } from '../../services/auth/verbs.ts';
import { type Actor, ANONYMOUS, type Ctx, type Deps, withParts } from '../../services/context.ts';
import { holdUpload } from '../../services/quotas.ts';
import type { Permission } from '../../services/roles.ts';
import { isSandbox } from '../../services/sandbox/emulator.ts';
import { AppError, ERROR_STATUS } from '../../utils/errors.ts';
import { fitted } from '../../utils/fit-input.ts';
import { issueWords } from '../../utils/issue-words.ts';
import { mediaLimit, sayBytes } from '../../utils/sizes.ts';
import { withLostPlus } from '../aliases.ts';
import type { MountParts } from '../mount.ts';
import { keepDone, readLang, readSignIn, takeDone } from './cookies.ts';
import { CSRF_FIELD, csrfTokenOf, requireSameOrigin, requireToken } from './csrf.ts';
import { answerPageFailure } from './failure.tsx';
import { chooseLang } from './i18n.ts';
import { Layout } from './layout.tsx';
import { type Page, type PageInput, type PageReply, page, type View } from './page.ts';
import { SECURITY, SUSPENDED_PATH, signInPath } from './paths.ts';
import { doneWords, offerUndo, takeOffer, UndoButton } from './undo.tsx';

export type PageParts = Pick<MountParts, 'deps' | 'toCtx' | 'limiter'>;

/** Reasons that one page tells. */
const MAX_REASONS = 50;
/** Largest form without a file: a template, a message, a filter. */
const MAX_FORM_BYTES = 256 * 1024;

/** Adds every page; nothing else is under `/dashboard`. */
export function mountPages(app: Hono<HttpEnv>, parts: PageParts, pages: readonly Page[]): void {
  app.use('/dashboard/*', compress());
  for (const page of pages) app.on(page.method.toUpperCase(), page.path, handlerOf(parts, page));
  app.all('/dashboard/*', handlerOf(parts, NOWHERE));
}

/** Every other address: it counts against the limits as a page does. */
const NOWHERE = page({
  method: 'get',
  path: '/dashboard/*',
  auth: 'public',
  handler() {
    throw new AppError('NOT_FOUND', 'There is nothing at this address.');
  },
});

function handlerOf(parts: PageParts, page: Page): MiddlewareHandler<HttpEnv> {
  const schemas = fittedOf(page);
  return async (c) => {
    c.set('routePath', page.path);
    // Looking is not an action; forms are.
    c.set('quiet', page.method === 'get');
    let view = anonymousView(parts.deps, c);
    try {
      if (page.method === 'post') requireSameOrigin(c);
      const actor = await readActor(parts.deps, c);
      c.set('actor', actor ?? ANONYMOUS);
      // The own account and the service are not the workspace's.
      const aside = page.auth === 'admin' || page.whileSuspended === true || page.beforeSecondFactor === true;
      await limitRequests(parts.deps, parts.limiter, c, actor, { aside });
      if (!actor && page.auth !== 'public') return toSignIn(c, view);
      view = await viewOf(parts, c, actor, page);
      refuseOthers(page, actor);
      if (actor?.lacksFactor === true && page.auth !== 'public' && page.beforeSecondFactor !== true) {
        return goTo(c, SECURITY);
      }
      if (actor?.suspension && !aside && page.auth === 'user') {
        return goTo(c, SUSPENDED_PATH);
      }
      await takeTurn(parts.deps, c, actor ?? undefined);
      const work = () => answer(parts, page, schemas, c, view);
      const { limit } = page;
      return await inShareOf(actor ?? ANONYMOUS, () =>
        limit && actor ? withBudget(parts.deps, c, actor, limit, work) : work(),
      );
    } catch (error) {
      const failure = toAppError(error);
      if (failure.code === 'INTERNAL' || (failure !== error && failure.code === 'UNAVAILABLE')) {
        parts.deps.logger.error('a page failed', { error, requestId: c.get('requestId') });
      }
      return answerPageFailure(c, view, failure, await alarmsBeside(parts, c, view, failure));
    }
  };
}

/** A page that says what was wrong with the request shows them too; one for which there is no room asks for nothing more. */
async function alarmsBeside(
  { toCtx }: PageParts,
  c: HttpContext,
  view: View,
  { code }: AppError,
): Promise<readonly Alarm[]> {
  const isPart = c.req.header('hx-request') !== undefined;
  if (isPart || code === 'RATE_LIMITED' || ERROR_STATUS[code] >= 500) return [];
  const ctx = toCtx(c);
  return inShareOf(ctx.actor, () => alarmsFor(ctx, view));
}

async function readActor(deps: Deps, c: HttpContext): Promise<Actor | null> {
  const cookie = readSignIn(c);
  return cookie ? deps.credentials.fromToken(cookie, 'cookie') : null;
}

/** An admin's page does not exist for others; a form needs a role. The verbs check again. */
function refuseOthers(page: Page, actor: Actor | null): void {
  if (page.auth === 'admin' && actor?.role !== 'admin') {
    throw new AppError('NOT_FOUND', 'There is nothing at this address.');
  }
  if (page.method !== 'post' || !actor || page.readOnlyMay === true) return;
  const { lacksFactor: _lacksFactor, ...known } = actor;
  if (page.needs) requirePermission({ actor: known }, page.needs);
  else requireWrite({ actor });
}

function anonymousView(deps: Deps, c: HttpContext): View {
  const { pathname, search } = new URL(c.req.url);
  return {
    lang: chooseLang(readLang(c), c.req.header('accept-language')),
    user: null,
    csrf: '',
    path: pathname + search,
    now: deps.clock.now(),
    zone: deps.config.housekeepingTimeZone,
    sandbox: isSandbox(deps),
    canWrite: false,
    may: () => false,
  };
}

async function viewOf(
  { deps, toCtx }: PageParts,
  c: HttpContext,
  actor: Actor | null,
  page: Page,
): Promise<View> {
  const view = anonymousView(deps, c);
  if (!actor) return view;
  const ctx = withParts(toCtx(c), { actor });
  const user = await readMe(ctx);
  const zone = user.timezone ?? view.zone;
  const csrf = csrfTokenOf(deps.secrets, readSignIn(c) ?? '');
  const allows = (permission: Permission) => may(actor, permission);
  const canWrite = page.needs ? allows(page.needs) : !isReadOnly(actor);
  return { ...view, user, zone, csrf, canWrite, may: allows };
}

/** What stands first on a whole page. One that cannot be read gives none: the page is shown all the same. */
async function alarmsFor(ctx: Ctx, { user }: View): Promise<readonly Alarm[]> {
  if (user === null || ctx.actor.lacksFactor === true) return [];
  try {
    return await alarmsOfReader(ctx);
  } catch (error) {
    ctx.logger.warn('the alarms of a page could not be read', {
      requestId: ctx.requestId,
      error: String(error),
    });
    return [];
  }
}

async function answer(
  parts: PageParts,
  page: Page,
  schemas: Fitted,
  c: HttpContext,
  view: View,
): Promise<Response> {
  const ctx = parts.toCtx(c);
  const params = check(schemas.params, c.req.param());
  const query = check(schemas.query, withLostPlus(withoutEmpty(c.req.query()), ctx.config.defaultCountry));
  if (page.method === 'get') {
    return send(
      c,
      ctx,
      view,
      await page.handler(inputOf({ ctx, view, params, query, form: undefined, http: c })),
    );
  }
  const body = await readForm(parts, page, c);
  try {
    if (view.user) requireToken(c, view.csrf, body.fields[CSRF_FIELD]);
    const form = check(schemas.form, withoutEmpty(body.fields));
    const input = inputOf({ ctx, view, params, query, form, http: c, files: body.files });
    return await send(c, ctx, view, await page.handler(input));
  } finally {
    await body.discard();
  }
}

const NO_FILES = new Map<string, never>();

interface LooseInput extends Omit<PageInput<unknown, unknown, unknown>, 'files'> {
  files?: PageInput<unknown, unknown, unknown>['files'];
}

/** Safe because each part went through the page's own schema, which gives the handler's parameter its type. */
function inputOf(input: LooseInput): Parameters<Page['handler']>[0] {
  return { files: NO_FILES, ...input } as Parameters<Page['handler']>[0];
}

interface FormBody {
  fields: Record<string, unknown>;
  files: PageInput<unknown, unknown, unknown>['files'];
  discard(): Promise<void>;
}

/** Also one without an announced length. */
const limitForm = bodyLimit({
  maxSize: MAX_FORM_BYTES,
  onError: () => {
    throw new AppError('BODY_TOO_LARGE', `The form is larger than ${sayBytes(MAX_FORM_BYTES)}.`);
  },
});

async function readForm({ deps }: PageParts, page: Page, c: HttpContext): Promise<FormBody> {
  const { files } = deps.config;
  if (page.files && isMultipart(c)) {
    const release = await holdUpload(deps, (c.get('actor') ?? ANONYMOUS).userId);
    try {
      return await receiveBody(c, deps, page.files, page.fileLimit?.(files) ?? mediaLimit(files));
    } finally {
      await release();
    }
  }
  await orBrokenOff(limitForm(c, async () => undefined));
  return { ...readBody(c, await wholeOf(c)), discard: async () => undefined };
}

/** A field that a person left empty is a field that is not there. */
function withoutEmpty(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
}

/** The inputs of a page, each part for what fits it. */
interface Fitted {
  params: z.ZodType | undefined;
  query: z.ZodType | undefined;
  form: z.ZodType | undefined;
}

function fittedOf({ params, query, form }: Page): Fitted {
  const toForm = (schema: z.ZodType | undefined) => schema && fitted(schema, 'form');
  return { params: toForm(params), query: toForm(query), form: toForm(form) };
}

function check(schema: z.ZodType | undefined, value: unknown): unknown {
  if (!schema) return undefined;
  const result = schema.safeParse(value, { error: issueWords });
  if (result.success) return result.data;
  const reasons = new Map<string, string>();
  for (const issue of result.error.issues) {
    if (reasons.size >= MAX_REASONS) break;
    const field = issue.path.map(String).join('.') || 'form';
    if (!reasons.has(field)) reasons.set(field, issue.message);
  }
  const details = Object.fromEntries(reasons);
  throw new AppError('VALIDATION_FAILED', 'Some fields are not right.', { details });
}

async function send(c: HttpContext, ctx: Ctx, view: View, reply: PageReply): Promise<Response> {
  if (reply instanceof Response) return reply;
  if ('fragment' in reply) return c.html(<Fragment>{reply.fragment}</Fragment>);
  if ('redirect' in reply) {
    const isKept = !reply.undo || offerUndo(ctx, c, reply.undo);
    if (reply.done) keepDone(c, ctx.config, doneWords(view.lang, reply.done, isKept));
    return goTo(c, reply.redirect);
  }
  if ('onward' in reply) return goOn(c, ctx, view, reply);
  const done = takeDone(c, ctx.config);
  const offer = takeOffer(ctx, c);
  const undo = offer && <UndoButton view={view} undo={offer} />;
  const html = (
    <Layout
      view={view}
      alarms={await alarmsFor(ctx, view)}
      title={reply.title}
      section={reply.section}
      done={done}
      undo={undo}
    >
      {reply.body}
    </Layout>
  );
  return c.html(`<!doctype html>${html.toString()}`, reply.status ?? 200);
}

async function goOn(
  c: HttpContext,
  ctx: Ctx,
  view: View,
  { onward, title, body, done }: Extract<PageReply, { onward: string }>,
): Promise<Response> {
  if (done) keepDone(c, ctx.config, done);
  if (c.req.header('hx-request') !== undefined) return goTo(c, onward);
  const html = (
    <Layout
      view={view}
      alarms={await alarmsFor(ctx, view)}
      title={title}
      section={null}
      done={null}
      onward={onward}
    >
      {body}
    </Layout>
  );
  return c.html(`<!doctype html>${html.toString()}`);
}

/** htmx follows a redirect without leaving its page; told by its own header it goes there. */
function goTo(c: HttpContext, path: string): Response {
  if (c.req.header('hx-request') === undefined) return c.redirect(path, 303);
  c.header('hx-redirect', path);
  return c.body(null, 204);
}

function toSignIn(c: HttpContext, view: View): Response {
  const isPage = c.req.method === 'GET' && c.req.header('hx-request') === undefined;
  return goTo(c, signInPath(isPage ? view.path : '/dashboard'));
}
