import { z } from 'zod';
import { AppError } from '../../../utils/errors.ts';
import { timeZoneOf } from '../../auth/settings.ts';
import { instantOf } from '../moments.ts';
import { Moment } from '../schemas.ts';
import { line, optional, WebUrl } from './fields.ts';
import { plainKind } from './kind.ts';

/** 31 December 9999: later times have no year of four digits. */
const MAX_MOMENT = 253_402_300_799_000;

export const event = plainKind({
  type: 'event',
  summary: 'Send an event for the calendar',
  fields: {
    name: line(255),
    description: z.string().max(2_048).optional(),
    startsAt: Moment.describe('ISO 8601; without a zone it is a time in your own'),
    endsAt: Moment.optional(),
    place: z.string().max(255).optional().describe('as people read it'),
    latitude: z.number().min(-90).max(90).optional().describe('of the place'),
    longitude: z.number().min(-180).max(180).optional(),
    joinLink: WebUrl.optional().describe('where it takes place online'),
  },
  placeholders: ['name', 'description'],
  words: ['name'],
  example: { name: 'Tea tasting', startsAt: '2026-01-31T16:00:00+07:00', place: 'Bandung' },
  check({ latitude, longitude }) {
    if ((latitude === undefined) !== (longitude === undefined)) {
      throw invalid('latitude', 'and longitude go together');
    }
  },
  make: async ({ name, startsAt, endsAt, latitude, longitude, ...more }, ctx, { session }) => {
    const isLocal = typeof startsAt === 'string' || typeof endsAt === 'string';
    const zone = isLocal ? await timeZoneOf(ctx, session.userId) : ctx.config.housekeepingTimeZone;
    const [from, to] = [instantOf(startsAt, zone) ?? 0, instantOf(endsAt, zone)];
    if (from <= 0 || from > MAX_MOMENT) throw invalid('startsAt', 'is no time of our days');
    if (to !== null && (to <= from || to > MAX_MOMENT))
      throw invalid('endsAt', 'must be later than startsAt');
    return {
      type: 'event',
      name,
      startsAt: new Date(from).toISOString(),
      ...(to === null ? {} : { endsAt: new Date(to).toISOString() }),
      ...optional({ latitude, longitude, ...more }),
    };
  },
});

function invalid(field: string, reason: string): AppError {
  return new AppError('VALIDATION_FAILED', `Not valid: ${field} ${reason}.`, {
    details: { [field]: reason },
  });
}
