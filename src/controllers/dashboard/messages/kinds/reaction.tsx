import { texts } from '../../i18n.ts';
import { Field } from '../../parts.tsx';
import { kindPages } from './kind.ts';
import { MessageLink } from './parts.tsx';

const T = texts({
  en: {
    messageId: 'Message ID',
    emoji: 'Emoji',
    emojiHint: 'Leave empty to remove an earlier reaction.',
    reactedTo: 'to message',
    tookBack: 'removed a reaction',
  },
  id: {
    messageId: 'ID pesan',
    emoji: 'Emoji',
    emojiHint: 'Kosongkan untuk menghapus reaksi sebelumnya.',
    reactedTo: 'pada pesan',
    tookBack: 'menghapus reaksi',
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
  // The message it is about is in another conversation or long past.
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
