import { z } from 'zod';
import { optional } from './fields.ts';
import { plainKind } from './kind.ts';

export const location = plainKind({
  type: 'location',
  summary: 'Send a location',
  fields: {
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    name: z.string().max(255).optional(),
    address: z.string().max(1_024).optional(),
  },
  placeholders: [],
  words: ['name'],
  example: { latitude: -6.1754, longitude: 106.8272, name: 'Monas', address: 'Jakarta' },
  make: ({ latitude, longitude, name, address }) => ({
    type: 'location',
    latitude,
    longitude,
    ...optional({ name, address }),
  }),
});
