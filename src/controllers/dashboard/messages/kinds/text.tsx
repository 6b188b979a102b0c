import { FormattedLines } from '../formatted.tsx';
import { kindPages } from './kind.ts';
import { TextField } from './parts.tsx';

export const text = kindPages({
  type: 'text',
  name: ['Text', 'Teks'],
  form: ['text'],
  fields: (view, filled) => <TextField view={view} filled={filled} />,
  input: (form) => ({ text: form.text }),
  refill: (content) => ({ text: content.text }),
  show: (_view, content) => <FormattedLines text={content.text} />,
});
