import { z } from 'zod';
import { AppError } from '../../../utils/errors.ts';
import { MAX_WRITTEN } from '../../../utils/phone/written.ts';
import { normalizePhone } from '../../../utils/phone.ts';
import { readNumbers } from '../../number-lists.ts';
import { line } from './fields.ts';
import { plainKind } from './kind.ts';

/** As many as what comes in is read of. */
const MAX_CARDS = 50;

const CardInput = z.object({
  name: line(255),
  phoneNumber: z.string().min(1).max(MAX_WRITTEN).describe('of the contact, in any usual spelling'),
});

export const contact = plainKind({
  type: 'contact',
  summary: 'Send contact cards',
  fields: {
    ...CardInput.partial().shape,
    contacts: z
      .array(CardInput)
      .min(1, 'must have a contact')
      .max(MAX_CARDS, `must have at most ${MAX_CARDS} contacts`)
      .optional()
      .describe('several cards in one message, in place of `name` and `phoneNumber`'),
  },
  placeholders: [],
  words: ['name'],
  example: { name: 'Customer service', phoneNumber: '+6281298765432' },
  check: ({ name, phoneNumber, contacts }) => {
    if (contacts === undefined) {
      if (name === undefined) throw invalid('name', 'is required');
      if (phoneNumber === undefined) throw invalid('phoneNumber', 'is required');
    } else if (name !== undefined || phoneNumber !== undefined) {
      throw invalid('contacts', 'cannot be given together with name and phoneNumber');
    }
  },
  make: async ({ name = '', phoneNumber = '', contacts = [{ name, phoneNumber }] }, { config }) => {
    const phones = await readNumbers(
      contacts.map((card) => card.phoneNumber),
      (number) => normalizePhone(number, config.defaultCountry),
    );
    const cards = contacts.map((card, index) => ({ name: card.name, phone: phones[index] ?? '' }));
    const [first = { name, phone: '' }] = cards;
    return { type: 'contact', ...first, ...(cards.length > 1 ? { contacts: cards } : {}) };
  },
});

function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}
