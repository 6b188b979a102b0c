/** Fields in which the sender of a file says how to read it. */
import { z } from 'zod';
import { NUMBERS_WITHOUT_PLUS } from './bare-numbers.ts';

/** As a form brings it: JSON in a text. */
function fromJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}

const Column = z.union([z.string().trim().min(1).max(200), z.int().min(1).max(200)]);
const Mapping = z.preprocess(
  fromJson,
  z.object({
    number: Column.optional().describe('the column of the numbers: its name, or its place from 1'),
    name: Column.optional(),
    header: z.boolean().optional().describe('false: the first line is a contact already'),
  }),
);
export const importFields = {
  mapping: Mapping.optional().describe(
    'which columns hold what, when the first line does not say it; as JSON in a form',
  ),
  encoding: z
    .string()
    .max(40)
    .refine(isEncoding, 'must be an encoding, as in windows-1251, gbk or shift_jis')
    .optional()
    .describe('what the file is written in, when it is not UTF-8 and not marked'),
  numbers: z
    .enum(NUMBERS_WITHOUT_PLUS)
    .optional()
    .describe(
      'what numbers without + and without a 0 in front are: at `home` (a spreadsheet has taken their 0), or `international` with their country code. `auto` (default): the column tells, and a number that stays open is refused with both readings',
    ),
};
export type ImportFields = z.output<z.ZodObject<typeof importFields>>;
export type ColumnMapping = NonNullable<ImportFields['mapping']>;
