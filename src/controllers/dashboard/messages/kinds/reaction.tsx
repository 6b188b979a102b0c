import { texts } from '../../i18n.ts';
import { Field } from '../../parts.tsx';
import { kindPages } from './kind.ts';
import { MessageLink } from './parts.tsx';

const T = texts({
  en: {
    messageId: 'Id of the message',
    emoji: 'Emoji',
    emojiHint: 'Empty takes an earlier reaction back.',
    reactedTo: 'to message',
    tookBack: 'took a reaction back',
  },
  id: {
    messageId: 'Id pesan',
    emoji: 'Emoji',
    emojiHint: 'Kosong menarik kembali reaksi sebelumnya.',
    reactedTo: 'pada pesan',
    tookBack: 'menarik reaksinya',
  },
});

export const reaction = kindPages({
  type: 'reaction',
  name: ['Reaction', 'Reaksi'],
  form: ['messageId', 'emoji'],
  fields(view, filled) {
    const t = T(view.lang);
    return (
      <>
        <Field label={t.messageId} name="messageId" value={filled.messageId} required />
        <Field label={t.emoji} name="emoji" value={filled.emoji} hint={t.emojiHint} placeholder="👍" />
      </>
    );
  },
  input: ({ messageId, emoji = '' }) => ({ messageId, emoji }),
  preview: ({ messageId = '', emoji = '' }) => ({ messageId, emoji }),
  // What it is about is in another conversation or long past.
  refill: () => ({}),
  show: (view, content) => (
    <p>
      {content.emoji === '' ? T(view.lang).tookBack : <span class="big">{content.emoji}</span>}{' '}
      <span class="muted small">{T(view.lang).reactedTo}</span>{' '}
      <MessageLink id={'target' in content ? content.target.messageId : content.messageId} />
    </p>
  ),
  summary: (lang, { emoji }) => (emoji === '' ? T(lang).tookBack : emoji),
});
