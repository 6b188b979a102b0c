import { texts } from '../../i18n.ts';
import { Field } from '../../parts.tsx';
import { CaptionField, filePages } from './file.tsx';
import { MentionsField, mentionsIn, mentionsOf } from './parts.tsx';

const T = texts({
  en: { filename: 'File name shown to the recipient' },
  id: { filename: 'Nama file yang dilihat penerima' },
});

export const document = filePages({
  type: 'document',
  name: ['Document', 'Dokumen'],
  form: ['filename', 'caption', 'mentions'],
  fields: (view, filled) => (
    <>
      <Field label={T(view.lang).filename} name="filename" value={filled.filename} maxlength={255} />
      <CaptionField view={view} filled={filled} />
      <MentionsField view={view} filled={filled} />
    </>
  ),
  input: ({ filename, caption, mentions }) => ({ filename, caption, ...mentionsIn({ mentions }) }),
  refill: ({ filename, caption, ...content }) => ({ filename, caption, ...mentionsOf(content) }),
  player: () => null,
  label: (_lang, { filename }) => `📄 ${filename} · `,
  filename: (content) => content.filename,
});
