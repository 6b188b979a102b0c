/** What was done to a person's account, in whatever workspace they are. */
import { z } from 'zod';
import { listOwnAudit } from '../../../services/workspaces/audit.ts';
import { cursorQuery } from '../../schemas.ts';
import { Crumb } from '../kit.tsx';
import { type Page, page } from '../page.ts';
import { SECURITY } from '../paths.ts';
import { Actions } from '../team/audit.tsx';
import { TEAM_TEXTS } from '../team/texts.ts';
import { SECURITY_TEXTS } from './texts.ts';

export const ACCOUNT_LOG = `${SECURITY}/log`;
const PER_PAGE = 50;

export const accountLogPages: Page[] = [
  page({
    method: 'get',
    path: ACCOUNT_LOG,
    auth: 'user',
    beforeSecondFactor: true,
    query: z.object(cursorQuery),
    async handler({ ctx, view, query }) {
      const t = SECURITY_TEXTS(view.lang);
      const words = TEAM_TEXTS(view.lang);
      const { data, nextCursor } = await listOwnAudit(ctx, { ...query, limit: PER_PAGE });
      const body = (
        <>
          <Crumb to={SECURITY}>{t.title}</Crumb>
          <h1>{t.accountLog}</h1>
          <section class="card">
            <p class="muted">{t.accountLogAbout}</p>
            {data.length === 0 ? (
              <p class="muted">{words.noAudit}</p>
            ) : (
              <Actions view={view} actions={data} />
            )}
            {nextCursor !== null && (
              <p class="pages">
                <a
                  class="button small"
                  href={`${ACCOUNT_LOG}?${new URLSearchParams({ cursor: nextCursor })}`}
                >
                  {words.older}
                </a>
              </p>
            )}
          </section>
        </>
      );
      return { title: t.accountLog, section: null, body };
    },
  }),
];
