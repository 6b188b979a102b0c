/** Days, hours and daily spans of a time zone, also where the clocks change. */
import { describe, expect, test } from 'vitest';
import { HOUR_MS } from '../../src/utils/durations.ts';
import {
  isTimeZone,
  minuteText,
  parseLocalTime,
  spanEnd,
  zoneClock,
  zonesOfCountry,
} from '../../src/utils/time-zone.ts';

const at = (iso: string) => Date.parse(iso);

describe('zoneClock', () => {
  test('shows the local date and hour, also of a zone that is no whole hour away', () => {
    expect(zoneClock('Asia/Jakarta').at(at('2026-01-31T17:30:00Z'))).toEqual({ date: '2026-02-01', hour: 0 });
    expect(zoneClock('Asia/Kathmandu').at(at('2026-01-31T18:20:00Z'))).toEqual({
      date: '2026-02-01',
      hour: 0,
    });
    expect(zoneClock('America/Los_Angeles').at(at('1969-12-31T23:00:00Z'))).toEqual({
      date: '1969-12-31',
      hour: 15,
    });
  });

  test('begins a day at its local midnight, also on the day on which the clocks change', () => {
    const berlin = zoneClock('Europe/Berlin');
    expect(berlin.startOfDay(at('2026-03-29T10:00:00Z'))).toBe(at('2026-03-28T23:00:00Z'));
    expect(berlin.startOfDay(at('2026-10-25T10:00:00Z'))).toBe(at('2026-10-24T22:00:00Z'));
    expect(berlin.startOfDay(at('2026-10-25T22:30:00Z'))).toBe(at('2026-10-24T22:00:00Z'));
  });

  test('finds where a date begins, east and west of UTC', () => {
    expect(zoneClock('Pacific/Kiritimati').startOfDate('2026-05-01')).toBe(at('2026-04-30T10:00:00Z'));
    expect(zoneClock('Pacific/Pago_Pago').startOfDate('2026-05-01')).toBe(at('2026-05-01T11:00:00Z'));
    expect(zoneClock('Europe/Berlin').startOfDate('2026-03-29')).toBe(at('2026-03-28T23:00:00Z'));
    expect(zoneClock('Europe/Berlin').startOfDate('2026-03-30')).toBe(at('2026-03-29T22:00:00Z'));
  });

  test('reads a local time back, an hour later where that hour is missing', () => {
    for (const zone of ['UTC', 'Asia/Jakarta', 'Australia/Lord_Howe', 'America/St_Johns']) {
      for (const iso of ['2026-01-31T10:07:09Z', '2026-07-04T23:59:59Z']) {
        expect(zoneClock(zone).fromLocal(zoneClock(zone).toLocal(at(iso))), zone).toBe(at(iso));
      }
    }
    // 02:30 is not on the clocks of that night.
    expect(zoneClock('Europe/Berlin').fromLocal(at('2026-03-29T02:30:00Z'))).toBe(at('2026-03-29T01:30:00Z'));
  });

  test('refuses what is no zone', () => {
    expect(() => zoneClock('Nowhere/Land')).toThrow(RangeError);
    expect([isTimeZone('Nowhere/Land'), isTimeZone('Asia/Makassar')]).toEqual([false, true]);
  });
});

describe('spanEnd', () => {
  const night = { from: 21 * 60, to: 7 * 60 };

  test('tells when a span over midnight ends, on either side of it', () => {
    expect(spanEnd('Asia/Jakarta', night, at('2026-01-31T15:00:30Z'))).toBe(at('2026-02-01T00:00:00Z'));
    expect(spanEnd('Asia/Jakarta', night, at('2026-01-31T23:59:59Z'))).toBe(at('2026-02-01T00:00:00Z'));
  });

  test('holds its first minute and not its last', () => {
    expect(spanEnd('UTC', night, at('2026-01-31T20:59:59Z'))).toBeNull();
    expect(spanEnd('UTC', night, at('2026-01-31T21:00:00Z'))).toBe(at('2026-02-01T07:00:00Z'));
    expect(spanEnd('UTC', night, at('2026-02-01T07:00:00Z'))).toBeNull();
    const noon = { from: 12 * 60, to: 13 * 60 };
    expect(spanEnd('UTC', noon, at('2026-02-01T12:15:00Z'))).toBe(at('2026-02-01T12:00:00Z') + HOUR_MS);
  });
});

test('the zones of a country are those that ICU knows', () => {
  expect(zonesOfCountry('ID')).toContain('Asia/Jakarta');
  expect(zonesOfCountry('US').length).toBeGreaterThan(3);
  expect(zonesOfCountry('ID')).toBe(zonesOfCountry('ID'));
});

test('a local time is one that a calendar has', () => {
  const read = (text: string) => {
    const local = parseLocalTime(text);
    return local === null ? null : new Date(local).toISOString();
  };
  expect(read('2028-02-29T08:00')).toBe('2028-02-29T08:00:00.000Z');
  expect(read('2026-01-31 08:00:01.5')).toBe('2026-01-31T08:00:01.500Z');
  const wrong = [
    '2026-02-29T08:00',
    '2026-04-31 08:00',
    '2026-01-31T24:00',
    '2026-01-31T08:60',
    '2026-13-01T00:00',
  ];
  for (const text of [...wrong, '2026-01-31', '2026-01-31T08:00Z']) expect(read(text), text).toBeNull();
});

test('the minute of an instant is the one that the clocks of the zone show', () => {
  expect(minuteText('Asia/Jakarta', at('2026-01-31T17:05:59Z'))).toBe('2026-02-01 00:05');
});
