import { texts } from '../../i18n.ts';
import { Check } from '../../parts.tsx';
import { FormattedLines } from '../formatted.tsx';
import { OuterLink } from '../offer.tsx';
import { kindPages } from './kind.ts';
import { boxOf, MentionsField, mentionsIn, mentionsOf, TextField, ticked } from './parts.tsx';

const T = texts({
  en: { linkPreview: 'Show a preview of the first link (its page is opened once)' },
  id: { linkPreview: 'Tampilkan pratinjau tautan pertama (halamannya dibuka satu kali)' },
});

export const text = kindPages({
  type: 'text',
  name: ['Text', 'Teks'],
  form: ['text', 'mentions', 'linkPreview'],
  fields: (view, filled) => (
    <>
      <TextField view={view} filled={filled} />
      <MentionsField view={view} filled={filled} />
      <Check label={T(view.lang).linkPreview} name="linkPreview" checked={filled.linkPreview === 'true'} />
    </>
  ),
  input: (form) => ({
    text: form.text,
    ...mentionsIn(form),
    ...ticked('linkPreview', form.linkPreview),
  }),
  refill: (content) => ({
    text: content.text,
    ...mentionsOf(content),
    linkPreview: boxOf('preview' in content && content.preview !== undefined),
  }),
  show: (_view, content) => (
    <>
      {'preview' in content && content.preview && (
        <blockquote class="quoted small wrap">
          <OuterLink url={content.preview.url}>
            <b>{content.preview.title}</b>
          </OuterLink>
          <br />
          {content.preview.description}
        </blockquote>
      )}
      <FormattedLines text={content.text} />
    </>
  ),
});
