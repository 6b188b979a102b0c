/** Buttons and lists as a text that reads well, and the numbers that recipients answer with. */
import type { ButtonsContent, Choice, ListContent } from './content.ts';

type Buttons = Pick<ButtonsContent, 'text' | 'footer' | 'buttons'>;
type List = Pick<ListContent, 'text' | 'title' | 'footer' | 'sections'>;

/** The choices, in the order of the numbers: the first is 1. */
export function choicesOf(content: ButtonsContent | ListContent): Choice[] {
  if (content.type === 'buttons') return content.buttons;
  return content.sections.flatMap(({ rows }) => rows.map(({ id, title }) => ({ id, text: title })));
}

/** The text, its buttons numbered from 1, and the footer in italics. */
export function buttonsAsText({ text, footer, buttons }: Buttons): string {
  const lines = buttons.map((button, i) => `*${i + 1}.* ${button.text}`);
  return paragraphs([text, lines.join('\n'), footerText(footer)]);
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
