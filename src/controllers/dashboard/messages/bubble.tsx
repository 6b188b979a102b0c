/** A message as a chat shows it. Everything in it was chosen by somebody else: it is text, never markup. */

import type { Child } from 'hono/jsx';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { View } from '../page.ts';
import { Badge, Time } from '../parts.tsx';
import { shownJid } from '../shown-number.ts';
import { stateTone } from '../tones.ts';
import { contentOf, quotedOf, type ShownContent } from './content.ts';
import { isSendable, pagesOf } from './kinds/index.ts';
import { MessageLink } from './kinds/parts.tsx';
import { OfferPart, OrderPart, OuterLink, ProductPart } from './offer.tsx';
import { shortened } from './shortened.ts';
import { MESSAGE_TEXTS } from './texts.ts';
import { answerWords, statusName, unknownWords } from './words.ts';

export const messagePath = (
  { messageId, direction, sessionId }: Pick<MessageOutput, 'messageId' | 'direction' | 'sessionId'>,
  rest = '',
) =>
  `/dashboard/messages/${encodeURIComponent(messageId)}${rest}?${new URLSearchParams({ direction, session: sessionId })}`;

export const chatPath = (number: string, session: string, rest = '') =>
  `/dashboard/messages/with/${encodeURIComponent(number)}${rest}?${new URLSearchParams({ session })}`;

export function StatusBadge({ view, status }: { view: View; status: MessageOutput['status'] }) {
  return <Badge tone={stateTone(status)}>{statusName(view.lang, status)}</Badge>;
}

/** One message of a conversation, with its time and state. */
export function Bubble({ view, message }: { view: View; message: MessageOutput }) {
  const { direction, chat, from, name } = message;
  return (
    <li class={direction === 'out' ? 'bubble out' : 'bubble'}>
      {direction === 'in' && chat.endsWith('@g.us') && <div class="small muted">{name ?? from}</div>}
      <ShortBody view={view} message={message} all={messagePath(message)} />
      <div class="meta small">
        <a href={messagePath(message)}>
          <Time at={message.sentAt ?? message.createdAt} />
        </a>{' '}
        <ChangedMark view={view} message={message} />{' '}
        {message.source === 'phone' && <span>{MESSAGE_TEXTS(view.lang).fromPhone}</span>}{' '}
        {direction === 'out' && <StatusBadge view={view} status={message.status} />}
      </div>
    </li>
  );
}

function ChangedMark({ view, message }: { view: View; message: MessageOutput }) {
  const t = MESSAGE_TEXTS(view.lang);
  if (message.revokedAt !== null) return <Badge tone="warn">{t.revokedMark}</Badge>;
  return message.editedAt === null ? null : <span>{t.editedMark}</span>;
}

/** The same as `Body`, cut where it is long; `all`: the page that shows the whole of it. */
export function ShortBody({
  view,
  message: { type, content },
  all,
}: {
  view: View;
  message: Pick<MessageOutput, 'type' | 'content'>;
  all?: string;
}) {
  const short = shortened(content);
  return (
    <>
      <Body view={view} message={{ type, content: short.content }} />
      {short.isCut && all !== undefined && (
        <p class="small">
          <a href={all}>{MESSAGE_TEXTS(view.lang).showAll}</a>
        </p>
      )}
    </>
  );
}

/** The text of a message; for previews as well. */
export function Body({ view, message }: { view: View; message: Pick<MessageOutput, 'type' | 'content'> }) {
  const content = contentOf(message.content);
  if (content === null) return <p class="muted">{MESSAGE_TEXTS(view.lang).secret}</p>;
  return (
    <>
      <ContextPart view={view} content={content} />
      <QuotedPart view={view} content={content} />
      <ContentPart view={view} content={content} />
    </>
  );
}

function QuotedPart({ view, content }: { view: View; content: ShownContent }) {
  const quoted = quotedOf(content);
  if (quoted === null) return null;
  return (
    <blockquote class="quoted small">
      {MESSAGE_TEXTS(view.lang).quoted}{' '}
      <a href={`/dashboard/messages/${encodeURIComponent(quoted.messageId)}`}>
        {quoted.preview || quoted.messageId}
      </a>
    </blockquote>
  );
}

function ContentPart({ view, content }: { view: View; content: ShownContent }) {
  if (isSendable(content)) return <>{pagesOf(content).show(view, content)}</>;
  const t = MESSAGE_TEXTS(view.lang);
  switch (content.type) {
    case 'reply':
      return (
        <>
          <p class="wrap">{content.text}</p>
          {content.flow && <FlowPart params={content.flow.params} />}
        </>
      );
    case 'template':
      return <OfferPart offer={content} />;
    case 'interactive':
      return <OfferPart offer={content} cards={content.cards ?? []} />;
    case 'product':
      return <ProductPart view={view} product={content} />;
    case 'order':
      return <OrderPart view={view} order={content} />;
    case 'pin':
      return (
        <p class="wrap">
          📌 {content.pinned ? t.pinned : t.unpinned} <MessageLink id={content.messageId} />
        </p>
      );
    case 'album':
      return <p class="muted">{t.albumHead(content.images, content.videos)}</p>;
    case 'poll_vote':
      return (
        <p class="wrap">
          🗳 {content.options === null ? t.voted : `${t.votedFor} ${content.options.join(', ')}`}{' '}
          <MessageLink id={content.messageId} />
        </p>
      );
    case 'event_response':
      return (
        <p class="wrap">
          📅 {t.eventAnswered} {answerWords(view, content)} <MessageLink id={content.messageId} />
        </p>
      );
    case 'edit':
      return (
        <>
          <p class="muted small">
            {t.edited} <MessageLink id={content.messageId} />
          </p>
          <p class="wrap">{content.text}</p>
        </>
      );
    case 'delete':
      return (
        <p class="muted">
          {t.deleted} <MessageLink id={content.messageId} />
        </p>
      );
    case 'unsupported':
      return (
        <p class="muted">
          {t.unsupported} {content.kind}
        </p>
      );
    case 'unknown':
      return <p class="muted">{unknownWords(t, content)}</p>;
    case 'undecryptable':
      return <p class="muted">{t.undecryptable}</p>;
  }
}

/** Fields of a form that was filled in. Values that are not plain show as JSON. */
function FlowPart({ params }: { params: Record<string, unknown> }) {
  const fields = Object.entries(params).filter(([name]) => name !== 'id' && name !== 'flow_token');
  if (fields.length === 0) return null;
  return (
    <ul class="choices">
      {fields.map(([name, value]) => (
        <li class="wrap">
          <span class="muted small">{name}</span> {typeof value === 'string' ? value : JSON.stringify(value)}
        </li>
      ))}
    </ul>
  );
}

/** Forwarded so often that WhatsApp's own clients mark it with two arrows. */
const OFTEN = 5;

function ContextPart({ view, content }: { view: View; content: ShownContent }) {
  const t = MESSAGE_TEXTS(view.lang);
  const forwarded = 'forwarded' in content && content.forwarded;
  const often = 'forwardingScore' in content && (content.forwardingScore ?? 0) >= OFTEN;
  const mentions = 'mentions' in content ? (content.mentions ?? []) : [];
  const everyone = 'mentionAll' in content && content.mentionAll;
  const named = [...(everyone ? [t.everyone] : []), ...mentions.map(shownJid)];
  const referral = 'referral' in content ? content.referral : undefined;
  const once = 'viewOnce' in content && content.viewOnce;
  return (
    <>
      {forwarded && <Mark>↪ {often ? t.forwardedOften : t.forwarded}</Mark>}
      {once && <Mark>{t.viewOnce}</Mark>}
      {referral && (
        <Mark>
          {t.cameBy}{' '}
          <OuterLink url={referral.sourceUrl}>
            {referral.title ?? referral.sourceUrl ?? referral.sourceId ?? referral.entryPoint ?? ''}
          </OuterLink>
        </Mark>
      )}
      {named.length > 0 && (
        <Mark>
          {t.names} {named.join(', ')}
        </Mark>
      )}
    </>
  );
}

function Mark({ children }: { children: Child }) {
  return <p class="muted small wrap">{children}</p>;
}
