/** Visits pages as a browser without scripts would: with a cookie, and with the token that its pages carry. */
import { csrfTokenOf } from '../../src/controllers/dashboard/csrf.ts';
import { openTestApp, type Tenant, type TestApp, type TestAppOptions } from '../helpers/app.ts';

export interface PageCall {
  as?: Tenant;
  /** the value of the sign-in cookie, instead of a tenant's */
  cookie?: string;
  /** the token of the form; the right one when missing */
  csrf?: string;
  /** makes it a POST; a list: several fields of that name, as ticked boxes are sent */
  form?: Record<string, string | readonly string[]>;
  /** a form with a file */
  multipart?: FormData;
  headers?: Record<string, string>;
}

export interface TestDashboard extends TestApp {
  visit(path: string, call?: PageCall): Promise<Response>;
  csrfOf(tenant: Tenant): string;
  /** The page that a form's answer leads to, with what the answer told the browser to keep. */
  follow(answer: Response, as: Tenant): Promise<string>;
  /** Sends the form that takes back what the answer's form did. */
  undo(answer: Response, as: Tenant): Promise<Response>;
}

/** A dashboard over a fresh database. Close it, or the test file does not end. */
export async function openDashboard(options: TestAppOptions = {}): Promise<TestDashboard> {
  return withVisits(await openTestApp(options));
}

/** The same over an app that is open already. */
export function withVisits<T extends TestApp>(t: T): T & TestDashboard {
  const csrfOf = (tenant: Tenant) => csrfTokenOf(t.deps.secrets, tenant.token);
  const visits: Omit<TestDashboard, keyof TestApp> = {
    csrfOf,
    follow: async (answer, as) => {
      const kept = answer.headers.getSetCookie().map((one) => one.split(';', 1)[0]);
      const cookie = [...kept, `wahub_session=${as.token}`].join('; ');
      return (await visits.visit(answer.headers.get('location') ?? '', { headers: { cookie } })).text();
    },
    undo: async (answer, as) => {
      const [, action = '', fields = ''] =
        /<form[^>]*action="([^"]+)"[^>]*>((?:(?!<\/form>).)*)Undo/s.exec(await visits.follow(answer, as)) ??
        [];
      const form: Record<string, string[]> = {};
      for (const [, name = '', value = ''] of fields.matchAll(/name="([^"]+)" value="([^"]*)"/g)) {
        form[name] = [...(form[name] ?? []), readHtml(value)];
      }
      return visits.visit(readHtml(action), { as, form });
    },
    visit: async (path, { as, cookie = as?.token, csrf, form, multipart, headers } = {}) => {
      const sent = new Headers(headers);
      if (cookie) sent.set('cookie', `wahub_session=${cookie}`);
      const init: RequestInit = { headers: sent };
      const token = csrf ?? (as ? csrfOf(as) : '');
      if (form) {
        init.method = 'POST';
        const sentForm = new URLSearchParams();
        for (const [name, value] of Object.entries({ ...form, _csrf: token })) {
          for (const one of [value].flat()) sentForm.append(name, one);
        }
        init.body = sentForm;
      } else if (multipart) {
        multipart.set('_csrf', token);
        // What fetch itself makes of a form: the boundary, and a body in pieces.
        const request = new Request('http://test.invalid', { method: 'POST', body: multipart });
        sent.set('content-type', request.headers.get('content-type') ?? '');
        init.method = 'POST';
        init.body = await request.arrayBuffer();
      }
      return t.app.request(path, init, { incoming: { socket: { remoteAddress: '127.0.0.1' } } });
    },
  };
  return { ...t, ...visits };
}

const CHARACTERS: Record<string, string> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&amp;': '&',
};
const readHtml = (text: string) =>
  text.replace(/&(?:lt|gt|quot|#39|amp);/g, (written) => CHARACTERS[written] ?? '');
