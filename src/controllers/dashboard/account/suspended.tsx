/** What people of a suspended workspace see: why, and where else they can go. */
import { readWorkspace } from '../../../services/workspaces/verbs.ts';
import { texts } from '../i18n.ts';
import * as english from '../locales/en/suspended.ts';
import * as indonesian from '../locales/id/suspended.ts';
import { type Page, page } from '../page.ts';
import { ActionButton } from '../parts.tsx';
import { SUSPENDED_PATH } from '../paths.ts';

const T = texts({ en: english.suspended, id: indonesian.suspended });

export const suspendedPages: Page[] = [
  page({
    method: 'get',
    path: SUSPENDED_PATH,
    auth: 'user',
    whileSuspended: true,
    async handler({ ctx, view }) {
      const { suspension } = ctx.actor;
      if (!suspension) return { redirect: '/dashboard' };
      const t = T(view.lang);
      const { id: here, name, workspaces } = await readWorkspace(ctx);
      const others = workspaces.filter(({ id }) => id !== here);
      const body = (
        <>
          <h1>{t.title}</h1>
          <section class="card">
            <p>{t.about(name)}</p>
            {suspension.reason !== null && (
              <p>
                <b>{t.reason}:</b> {suspension.reason}
              </p>
            )}
            <p>{t.ask}</p>
          </section>
          {others.length > 0 && (
            <section class="card">
              <h2>{t.others}</h2>
              {others.map(({ id, name: other }) => (
                <div class="row">
                  <span>{other}</span>
                  <ActionButton
                    view={view}
                    action="/dashboard/team/switch"
                    fields={{ workspaceId: String(id) }}
                    small
                  >
                    {t.go}
                  </ActionButton>
                </div>
              ))}
            </section>
          )}
        </>
      );
      return { title: t.title, section: null, body };
    },
  }),
];
