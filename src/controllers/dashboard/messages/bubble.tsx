/** A message as a chat shows it. Everything in it was chosen by somebody else: it is text, never markup. */
import type { Child } from 'hono/jsx';
import type { MessageOutput } from '../../../services/messages/schemas.ts';
import type { ListSection } from '../../../whatsapp/content.ts';
import type { View } from '../page.ts';
import { Badge, Time } from '../parts.tsx';
import { contentOf, fileOf, quotedOf, type ShownContent, type ShownFile } from './content.ts';
import { ContextPart } from './context.tsx';
import { EventPart, OfferPart, OrderPart, ProductPart } from './offer.tsx';
import { MESSAGE_TEXTS } from './texts.ts';
import { kindName, statusName, statusTone } from './words.ts';

export const messagePath = (
  { messageId, direction, sessionId }: Pick<MessageOutput, 'messageId' | 'direction' | 'sessionId'>,
  rest = '',
) =>
  `/dashboard/messages/${encodeURIComponent(messageId)}${rest}?${new URLSearchParams({ direction, session: sessionId })}`;

export const chatPath = (number: string, session: string, rest = '') =>
  `/dashboard/messages/with/${encodeURIComponent(number)}${rest}?${new URLSearchParams({ session })}`;

export function StatusBadge({ view, status }: { view: View; status: MessageOutput['status'] }) {
  return <Badge tone={statusTone(status)}>{statusName(view.lang, status)}</Badge>;
}

/** One message of a conversation, with its time and state. */
export function Bubble({ view, message }: { view: View; message: MessageOutput }) {
  const { direction, chat, from } = message;
  return (
    <li class={direction === 'out' ? 'bubble out' : 'bubble'}>
      {direction === 'in' && chat.endsWith('@g.us') && <div class="small muted">{from}</div>}
      <Body view={view} message={message} />
      <div class="meta small">
        <a href={messagePath(message)}>
          <Time at={message.sentAt ?? message.createdAt} />
        </a>{' '}
        {direction === 'out' && <StatusBadge view={view} status={message.status} />}
      </div>
    </li>
  );
}

/** What a message says; for previews as well. */
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
  const t = MESSAGE_TEXTS(view.lang);
  switch (content.type) {
    case 'text':
      return <p class="wrap">{content.text}</p>;
    case 'reply':
      return (
        <>
          <p class="wrap">{content.text}</p>
          {content.flow && <FlowPart params={content.flow.params} />}
        </>
      );
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return <FilePart view={view} content={content} file={fileOf(content)} />;
    case 'location':
      return <LocationPart view={view} {...content} />;
    case 'contact':
      return (
        <p class="wrap">
          👤 <b>{content.name}</b>
          <br />
          {content.phone === null ? '' : `+${content.phone}`}
          {'contacts' in content &&
            content.contacts?.slice(1).map(({ name, phone }) => (
              <>
                <br />
                <b>{name}</b> {phone === null ? '' : `+${phone}`}
              </>
            ))}
        </p>
      );
    case 'poll':
      return (
        <>
          <p class="wrap">
            📊 <b>{content.question}</b>
          </p>
          <Choices choices={content.options} />
          <p class="muted small">{content.multiple ? t.manyPoll : t.onePoll}</p>
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
    case 'event':
      return <EventPart view={view} event={content} />;
    case 'buttons':
      if (!('rendering' in content)) return <OfferPart offer={content} />;
      return (
        <>
          <p class="wrap">{content.text}</p>
          <Footer text={content.footer} />
          <Choices
            choices={content.buttons.map(({ text }) => text)}
            numbered={content.rendering === 'text'}
          />
        </>
      );
    case 'list':
      return (
        <>
          {content.title && (
            <p class="wrap">
              <b>{content.title}</b>
            </p>
          )}
          <p class="wrap">{content.text}</p>
          <Footer text={content.footer} />
          <Sections sections={content.sections} />
        </>
      );
    case 'reaction':
      return (
        <p>
          {content.emoji === '' ? t.tookBack : <span class="big">{content.emoji}</span>}{' '}
          <span class="muted small">{t.reactedTo}</span>{' '}
          <MessageLink id={'target' in content ? content.target.messageId : content.messageId} />
        </p>
      );
    case 'poll_vote':
      return (
        <p class="wrap">
          🗳 {content.options === null ? t.voted : `${t.votedFor} ${content.options.join(', ')}`}{' '}
          <MessageLink id={content.messageId} />
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
      return <p class="muted">{t.unknown}</p>;
  }
}

/** What was filled into a form. Whatever is no plain value shows as JSON. */
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

function MessageLink({ id }: { id: string }) {
  if (id === '') return null;
  return (
    <a class="mono small" href={`/dashboard/messages/${encodeURIComponent(id)}`}>
      {id}
    </a>
  );
}

function Footer({ text }: { text: string | undefined }) {
  return text ? <p class="muted small wrap">{text}</p> : null;
}

function Choices({ choices, numbered }: { choices: readonly string[]; numbered?: boolean }) {
  const items = choices.map((text) => <li class="wrap">{text}</li>);
  return numbered ? <ol class="choices numbered">{items}</ol> : <ul class="choices">{items}</ul>;
}

function Sections({ sections }: { sections: readonly ListSection[] }) {
  return (
    <>
      {sections.map(({ title, rows }) => (
        <>
          {title && <p class="small muted wrap">{title}</p>}
          <ul class="choices">
            {rows.map((row) => (
              <li class="wrap">
                {row.title}
                {row.description && <div class="small muted">{row.description}</div>}
              </li>
            ))}
          </ul>
        </>
      ))}
    </>
  );
}

interface Located {
  latitude: number;
  longitude: number;
  name?: string;
  address?: string;
}

function LocationPart({ view, latitude, longitude, name, address }: { view: View } & Located) {
  const place = new URLSearchParams({ mlat: String(latitude), mlon: String(longitude) });
  return (
    <p class="wrap">
      📍 {name && <b>{name}</b>} {address}
      <br />
      <span class="muted small">{`${latitude}, ${longitude}`}</span>{' '}
      <a
        class="small"
        href={`https://www.openstreetmap.org/?${place}`}
        rel="noreferrer noopener"
        target="_blank"
      >
        {MESSAGE_TEXTS(view.lang).map}
      </a>
    </p>
  );
}

type FileContent = Extract<ShownContent, { media: unknown }>;

function FilePart({ view, content, file }: { view: View; content: FileContent; file: ShownFile | null }) {
  const t = MESSAGE_TEXTS(view.lang);
  const caption = 'caption' in content ? content.caption : undefined;
  const name = content.type === 'document' ? content.filename : kindName(view.lang, content.type);
  return (
    <>
      {file?.path ? (
        <Player type={content.type} path={file.path} name={caption ?? name} />
      ) : (
        <p class="muted small">{file?.state === 'failed' ? t.fileFailed : t.filePending}</p>
      )}
      {caption && <p class="wrap">{caption}</p>}
      <p class="muted small wrap">
        {content.type === 'document' ? `📄 ${name} · ` : ''}
        {content.type === 'audio' && content.ptt ? `${t.voice} · ` : ''}
        {file === null ? '' : [file.mimetype, sizeOf(view, file.size)].filter(Boolean).join(' · ')}{' '}
        {file?.path && (
          <a href={file.path} target="_blank" rel="noopener">
            {content.type === 'document' ? t.download : t.open}
          </a>
        )}
      </p>
    </>
  );
}

function Player({ type, path, name }: { type: FileContent['type']; path: string; name: string }): Child {
  if (type === 'image' || type === 'sticker') {
    return <img class={`media ${type}`} src={path} alt={name} loading="lazy" />;
  }
  if (type === 'video')
    // biome-ignore lint/a11y/useMediaCaption: what somebody sent has none
    return <video class="media" src={path} controls preload="metadata" aria-label={name} />;
  if (type === 'audio')
    // biome-ignore lint/a11y/useMediaCaption: what somebody sent has none
    return <audio class="media" src={path} controls preload="metadata" aria-label={name} />;
  return null;
}

/** Bytes as people read them; empty when nobody has said. */
export function sizeOf(view: Pick<View, 'lang'>, bytes: number | null): string {
  if (bytes === null) return '';
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = (bytes / 1000 ** power).toLocaleString(view.lang, { maximumFractionDigits: 1 });
  return `${value} ${units[power]}`;
}
