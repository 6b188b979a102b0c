/**
 * A page of the dashboard is data, as a route is: method, path, schemas, who may, and a handler that calls the same
 * verbs as the API. `mountPages` (mount.ts) turns it into a Hono handler; tests walk the list.
 */
import type { Child } from 'hono/jsx';
import type { z } from 'zod';
import type { HttpContext, RatePolicy } from '../../middlewares/http-env.ts';
import type { Ctx } from '../../services/context.ts';
import type { ReceivedFile } from '../../services/media/sources.ts';
import type { Permission } from '../../services/roles.ts';
import type { UserInfo } from '../../services/users.ts';
import type { MembershipInfo } from '../../services/workspaces/membership.ts';
import type { Config } from '../../utils/config.ts';
import type { SizeLimit } from '../../utils/sizes.ts';
import type { Lang } from './i18n.ts';

type Schema = z.ZodType;
type Out<S> = S extends Schema ? z.output<S> : undefined;

/** The reader of a page. */
export interface View {
  lang: Lang;
  /** null before signing in */
  user: (UserInfo & { workspace: MembershipInfo }) | null;
  /** goes back with every form; empty before signing in */
  csrf: string;
  /** the address that was asked for, with its query */
  path: string;
  /** epoch ms */
  now: number;
  /** IANA name: the zone of the workspace, in which times are shown */
  zone: string;
  /** the emulator plays the phones: there is a page for them */
  sandbox: boolean;
  /** false where the reader's role may change nothing of what the page is about: it shows no forms then */
  canWrite: boolean;
  /** whether the reader's role in the workspace allows it */
  may(permission: Permission): boolean;
}

export interface PageInput<P, Q, F> {
  ctx: Ctx;
  view: View;
  params: P;
  query: Q;
  form: F;
  files: ReadonlyMap<string, ReceivedFile>;
  http: HttpContext;
}

/** The main navigation's entries. */
export type Section =
  | 'overview'
  | 'sessions'
  | 'messages'
  | 'otp'
  | 'broadcast'
  | 'developers'
  | 'team'
  | 'admin'
  | 'phone';

/** The form that takes back what was done: the address of a page that takes it, and its fields. */
export interface Undo {
  action: string;
  fields: Record<string, string | string[]>;
}

/**
 * `body`: a whole page. `fragment`: the part that htmx swaps in. `redirect`: where to go after a form, with a sentence
 * to show there and, where it can be taken back, how. `onward`: a page that goes on by itself, where a redirect would be refused (to another service after a
 * form) or come without cookies (back from there). A Response is sent as it is.
 */
export type PageReply =
  | { title: string; section: Section | null; body: Child; status?: 200 | 201 | 404 | 422 }
  | { fragment: Child }
  | { redirect: string; done?: string; undo?: Undo }
  | { onward: string; title: string; body: Child; done?: string }
  | Response;

export interface Page<
  P extends Schema | undefined = Schema | undefined,
  Q extends Schema | undefined = Schema | undefined,
  F extends Schema | undefined = Schema | undefined,
> {
  method: 'get' | 'post';
  /** in Hono's spelling, under `/dashboard` */
  path: string;
  /** `public`: also before signing in. `admin`: for everyone else the page does not exist */
  auth: 'public' | 'user' | 'admin';
  /** a POST that changes nothing, or something of the reader's own account: a read-only user may */
  readOnlyMay?: boolean;
  /** about the own account: also where the workspace asks for a second factor that was not given yet */
  beforeSecondFactor?: boolean;
  /** also shown while the reader's workspace is suspended, as pages for administrators of the service are */
  whileSuspended?: boolean;
  /** what the reader's role needs for its forms; any that changes something when missing */
  needs?: Permission;
  params?: P;
  query?: Q;
  /** fields of the form; empty ones count as missing */
  form?: F;
  /** fields of the form that are files; the form is multipart then */
  files?: readonly string[];
  /** largest file; MAX_MEDIA_SIZE when missing */
  fileLimit?: (files: Config['files']) => SizeLimit;
  /** a limit of its own, which the API's route of the same verb spends as well */
  limit?: RatePolicy;
  /** what the tests that walk all pages ask with */
  example?: {
    params?: Record<string, string>;
    query?: Record<string, string>;
    form?: Record<string, string>;
  };
  handler(input: PageInput<Out<P>, Out<Q>, Out<F>>): Promise<PageReply> | PageReply;
}

/** Keeps the literal's types; the result fits into a list of pages. */
export function page<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  F extends Schema | undefined = undefined,
>(definition: Page<P, Q, F>): Page {
  // The schemas validate before the handler runs, so the wider input type is always the narrower one.
  return definition as unknown as Page;
}

/** The pages with what their forms need; what a page says itself stays. */
export function needing(permission: Permission, pages: readonly Page[]): Page[] {
  return pages.map((each) => ({ needs: permission, ...each }));
}
