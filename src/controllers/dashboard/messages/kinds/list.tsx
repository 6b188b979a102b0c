import { listAsText } from '../../../../whatsapp/interactive-text.ts';
import { texts } from '../../i18n.ts';
import { Field, TextArea } from '../../parts.tsx';
import { FormattedLines } from '../formatted.tsx';
import { kindPages, linesOf } from './kind.ts';
import { Footer, FooterField, TextField } from './parts.tsx';

const T = texts({
  en: {
    title: 'Title',
    buttonText: 'Button that opens the list',
    rows: 'Rows, one per line',
    rowsHint: 'Start a line with # to begin a section. Add a description after |.',
    rowsExample: '# Orders\nTrack my order | See where it is\nCancel my order',
  },
  id: {
    title: 'Judul',
    buttonText: 'Tombol pembuka daftar',
    rows: 'Pilihan, satu per baris',
    rowsHint: 'Awali baris dengan # untuk memulai bagian. Tambahkan deskripsi setelah |.',
    rowsExample: '# Pesanan\nLacak pesanan | Lihat posisi pesanan\nBatalkan pesanan',
  },
});

interface Row {
  title: string;
  description?: string;
}
interface Section<R extends Row = Row> {
  title?: string;
  rows: R[];
}

export const list = kindPages({
  type: 'list',
  name: ['List', 'Daftar'],
  form: ['title', 'text', 'buttonText', 'rows', 'footer'],
  formNames: { sections: 'rows' },
  fields(view, filled) {
    const t = T(view.lang);
    return (
      <>
        <Field label={t.title} name="title" value={filled.title} maxlength={255} />
        <TextField view={view} filled={filled} />
        <Field label={t.buttonText} name="buttonText" value={filled.buttonText} maxlength={100} required />
        <TextArea
          label={t.rows}
          name="rows"
          value={filled.rows}
          rows={5}
          hint={t.rowsHint}
          placeholder={t.rowsExample}
          required
        />
        <FooterField view={view} filled={filled} />
      </>
    );
  },
  input: ({ text, title, footer, buttonText, rows }) => ({
    text,
    title,
    footer,
    buttonText,
    sections: sectionsOf(rows),
  }),
  preview: ({ text = '', title, footer, buttonText, rows }) => ({
    text,
    title,
    footer,
    buttonText,
    sections: sectionsOf(rows),
  }),
  refill: ({ text, title, footer, buttonText, sections }) => ({
    text,
    title,
    footer,
    buttonText,
    rows: rowsText(sections),
  }),
  show(_view, content) {
    if ('rendering' in content && content.rendering === 'text') {
      return <FormattedLines text={listAsText(content)} />;
    }
    return (
      <>
        {content.title && (
          <p class="wrap">
            <b>{content.title}</b>
          </p>
        )}
        <FormattedLines text={content.text} />
        <Footer text={content.footer} />
        <Sections sections={content.sections} />
      </>
    );
  },
});

/** A row a line, `title | description`; a line that begins with `#` begins a section. */
function sectionsOf(value: string | undefined): Section<Row & { id: string }>[] {
  const sections: Section<Row & { id: string }>[] = [];
  let made = 0;
  for (const one of linesOf(value)) {
    if (one.startsWith('#')) {
      sections.push({ title: one.replace(/^#+\s*/, ''), rows: [] });
      continue;
    }
    const [title = '', ...rest] = one.split('|').map((part) => part.trim());
    const description = rest.join(' | ');
    const last = sections.at(-1) ?? sections[sections.push({ rows: [] }) - 1];
    made += 1;
    last?.rows.push({ id: String(made), title, ...(description === '' ? {} : { description }) });
  }
  return sections;
}

function rowsText(sections: readonly Section[]): string {
  return sections
    .flatMap(({ title, rows }) => [
      ...(title ? [`# ${title}`] : []),
      ...rows.map((row) => (row.description ? `${row.title} | ${row.description}` : row.title)),
    ])
    .join('\n');
}

function Sections({ sections }: { sections: readonly Section[] }) {
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
