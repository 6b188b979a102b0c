/** A text as a phone shows it, with its marks. What is in it was chosen by somebody else: it is text, never markup. */
import { type Marked, readMarkup } from './markup.ts';

export function Formatted({ text }: { text: string }) {
  return <Parts parts={readMarkup(text)} />;
}

/** The same as a paragraph that keeps its lines. */
export function FormattedLines({ text }: { text: string }) {
  return (
    <p class="wrap">
      <Formatted text={text} />
    </p>
  );
}

function Parts({ parts }: { parts: readonly Marked[] }) {
  return <>{parts.map((part) => (typeof part === 'string' ? part : <Mark part={part} />))}</>;
}

function Mark({ part: { mark, parts } }: { part: Exclude<Marked, string> }) {
  const [only] = parts;
  const inner = parts.length === 1 && typeof only === 'string' ? only : <Parts parts={parts} />;
  switch (mark) {
    case 'bold':
      return <strong>{inner}</strong>;
    case 'italic':
      return <em>{inner}</em>;
    case 'strike':
      return <s>{inner}</s>;
    case 'mono':
      return <code>{inner}</code>;
  }
}
