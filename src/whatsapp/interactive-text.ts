/** Buttons and lists as a text that reads well, and the numbers that recipients answer with. */
import type { ButtonsContent, Choice, ListContent, OfferButton } from './content.ts';

type Buttons = Pick<ButtonsContent, 'text' | 'footer' | 'buttons'>;
type List = Pick<ListContent, 'text' | 'title' | 'footer' | 'sections'>;

/** The choices, in the order of the numbers: the first is 1. */
export function choicesOf(content: ButtonsContent | ListContent): Choice[] {
  if (content.type === 'buttons') {
    return content.buttons.flatMap(({ id, text }) => (id === undefined ? [] : [{ id, text }]));
  }
  return content.sections.flatMap(({ rows }) => rows.map(({ id, title }) => ({ id, text: title })));
}

/** The text, the buttons to answer with numbered from 1, what the others lead to, and the footer in italics. */
export function buttonsAsText({ text, footer, buttons }: Buttons): string {
  const answers = buttons.filter(({ id }) => id !== undefined);
  const numbered = answers.map((button, i) => `*${i + 1}.* ${button.text}`);
  const others = buttons.filter(({ id }) => id === undefined).map((one) => `*${one.text}:* ${leadsTo(one)}`);
  return paragraphs([text, numbered.join('\n'), others.join('\n'), footerText(footer)]);
}

/** What phones make a link of, or a person copies. */
function leadsTo({ url, phone, code }: OfferButton): string {
  return url ?? (phone === undefined ? (code ?? '') : `+${phone}`);
}

/** The title in bold, the text, the sections with their rows numbered through from 1, and the footer in italics. */
export function listAsText({ text, title, footer, sections }: List): string {
  let number = 0;
  const parts = sections.map((section) => {
    const rows = section.rows.map((row) => {
      number++;
      const description = row.description ? `\n    ${row.description}` : '';
      return `*${number}.* ${row.title}${description}`;
    });
    return [...(section.title ? [`*${section.title}*`] : []), ...rows].join('\n');
  });
  return paragraphs([title ? `*${title}*` : '', text, ...parts, footerText(footer)]);
}

function footerText(footer: string | undefined): string {
  return footer ? `_${footer}_` : '';
}

function paragraphs(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}
