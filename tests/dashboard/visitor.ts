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
}

/** A dashboard over a fresh database. Close it, or the test file does not end. */
export async function openDashboard(options: TestAppOptions = {}): Promise<TestDashboard> {
  return withVisits(await openTestApp(options));
}

/** The same over an app that is open already. */
export function withVisits<T extends TestApp>(t: T): T & TestDashboard {
  const csrfOf = (tenant: Tenant) => csrfTokenOf(t.deps.secrets, tenant.token);
  return {
    ...t,
    csrfOf,
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
}
