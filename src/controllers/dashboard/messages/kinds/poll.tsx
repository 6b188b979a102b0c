import { texts } from '../../i18n.ts';
import { Check, Field, TextArea } from '../../parts.tsx';
import { kindPages, linesOf } from './kind.ts';
import { Choices } from './parts.tsx';

const T = texts({
  en: {
    question: 'Question',
    options: 'Options, one per line',
    multiple: 'Allow several answers',
    one: 'One answer',
    many: 'Several answers allowed',
  },
  id: {
    question: 'Pertanyaan',
    options: 'Pilihan, satu per baris',
    multiple: 'Izinkan beberapa jawaban',
    one: 'Satu jawaban',
    many: 'Boleh beberapa jawaban',
  },
});

export const poll = kindPages({
  type: 'poll',
  name: ['Poll', 'Polling'],
  form: ['question', 'options', 'multiple'],
  fields(view, filled) {
    const t = T(view.lang);
    return (
      <>
        <Field label={t.question} name="question" value={filled.question} maxlength={255} required />
        <TextArea label={t.options} name="options" value={filled.options} rows={4} required />
        <Check label={t.multiple} name="multiple" checked={filled.multiple === 'true'} />
      </>
    );
  },
  input: ({ question, options, multiple }) => ({
    question,
    options: linesOf(options),
    multiple: multiple === 'true',
  }),
  refill: ({ question, options, multiple }) => ({
    question,
    options: options.join('\n'),
    multiple: String(multiple),
  }),
  show: (view, { question, options, multiple }) => (
    <>
      <p class="wrap">
        📊 <b>{question}</b>
      </p>
      <Choices choices={options} />
      <p class="muted small">{multiple ? T(view.lang).many : T(view.lang).one}</p>
    </>
  ),
});
