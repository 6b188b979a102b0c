/** The channels of a session, with the way to a post. */

import { z } from 'zod';
import { type ChannelOutput, listChannels } from '../../../services/messages/channel.ts';
import { SessionId } from '../../schemas.ts';
import { sessionOptions } from '../developers/keys.tsx';
import { texts } from '../i18n.ts';
import { Crumb, NewSessionLink, queryOf } from '../kit.tsx';
import * as english from '../locales/en/messages-channels.ts';
import * as indonesian from '../locales/id/messages-channels.ts';
import { type Page, page, type View } from '../page.ts';
import { Empty, Select, Table } from '../parts.tsx';
import { COMPOSE } from '../paths.ts';

const T = texts({ en: english.messagesChannels, id: indonesian.messagesChannels });

export const CHANNELS_PAGE = '/dashboard/messages/channels';
/** Rows of the page, those that take posts first. */
const MAX_SHOWN = 200;

export const channelPages: Page[] = [
  page({
    method: 'get',
    path: CHANNELS_PAGE,
    auth: 'user',
    query: z.object({ session: SessionId.optional().catch(undefined) }),
    async handler({ ctx, view, query }) {
      const sessions = await sessionOptions(ctx);
      const t = T(view.lang);
      if (sessions.length === 0) {
        const next = view.may('sessions:write') && <NewSessionLink>{t.addSession}</NewSessionLink>;
        const none = (
          <>
            <Crumb to={COMPOSE}>{t.back}</Crumb>
            <h1>{t.title}</h1>
            <Empty view={view} title={t.noSession} next={next}>
              <p>{t.noSessionText}</p>
            </Empty>
          </>
        );
        return { title: t.title, section: 'messages', body: none };
      }
      const { session } = query;
      const listed = session === undefined ? null : await listChannels(ctx, { sessionId: session });
      const body = (
        <>
          <Crumb to={COMPOSE}>{t.back}</Crumb>
          <h1>{t.title}</h1>
          <p>{t.about}</p>
          <form class="filter" method="get" action={CHANNELS_PAGE}>
            <Select
              label={t.session}
              name="session"
              value={session}
              options={sessions.map((name) => [name, name] as const)}
            />
            <button type="submit">{t.show}</button>
          </form>
          {session !== undefined && listed !== null && <Channels view={view} session={session} {...listed} />}
        </>
      );
      return { title: t.title, section: 'messages', body };
    },
  }),
];

interface ChannelsProps {
  view: View;
  session: string;
  channels: readonly ChannelOutput[];
  truncated: boolean;
}

function Channels({ view, session, channels, truncated }: ChannelsProps) {
  const t = T(view.lang);
  if (channels.length === 0) return <p class="muted">{t.none}</p>;
  const own = channels.filter(({ canPost }) => canPost);
  const shown = [...own, ...channels.filter(({ canPost }) => !canPost)].slice(0, MAX_SHOWN);
  const number = new Intl.NumberFormat(view.lang);
  return (
    <>
      <Table label={t.title} head={[t.name, t.role, t.followers, t.address, '']}>
        {shown.map(({ id, name, link, role, followers, canPost }) => (
          <tr>
            <td data-label={t.name}>{link === null ? name : <a href={link}>{name}</a>}</td>
            <td data-label={t.role}>{role === null ? t.unknown : t[role]}</td>
            <td data-label={t.followers}>{followers === null ? t.unknown : number.format(followers)}</td>
            <td data-label={t.address}>
              <code>{id}</code>
            </td>
            <td>
              {canPost && view.may('messages:write') && (
                <a class="button" href={`${COMPOSE}${queryOf({ session, to: id })}`}>
                  {t.post}
                </a>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {shown.length < channels.length && <p class="muted">{t.more(channels.length - shown.length)}</p>}
      {truncated && <p class="muted">{t.cut}</p>}
    </>
  );
}
