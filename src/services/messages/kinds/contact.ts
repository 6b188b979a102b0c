import { z } from 'zod';
import { MAX_WRITTEN } from '../../../utils/phone/written.ts';
import { normalizePhone } from '../../../utils/phone.ts';
import { line } from './fields.ts';
import { plainKind } from './kind.ts';

export const contact = plainKind({
  type: 'contact',
  summary: 'Send a contact card',
  fields: {
    name: line(255),
    phoneNumber: z.string().min(1).max(MAX_WRITTEN).describe('of the contact, in any usual spelling'),
  },
  placeholders: [],
  words: ['name'],
  example: { name: 'Customer service', phoneNumber: '+6281298765432' },
  make: ({ name, phoneNumber }, { config }) => ({
    type: 'contact',
    name,
    phone: normalizePhone(phoneNumber, config.defaultCountry),
  }),
});
