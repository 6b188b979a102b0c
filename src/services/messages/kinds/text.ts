import { TextInput } from '../schemas.ts';
import { plainKind } from './kind.ts';

export const text = plainKind({
  type: 'text',
  summary: 'Send a text',
  fields: { text: TextInput },
  placeholders: ['text'],
  words: ['text'],
  example: { text: 'Hello from API!' },
  make: (input) => ({ type: 'text', text: input.text }),
});
