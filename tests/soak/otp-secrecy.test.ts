import { expect, test } from 'vitest';
import { hideMarkedCodes } from '../helpers/marked-codes.ts';

const CODES = 1000;

test(`after ${CODES} codes of 8 marked digits the running service has left none in its database, files, answers and webhooks`, async () => {
  const { arrived, found, searched } = await hideMarkedCodes(CODES);
  // The search would prove nothing if the codes had not been there, or the places were empty.
  expect(arrived).toBe(CODES);
  for (const [place, bytes] of Object.entries(searched)) expect(bytes, place).toBeGreaterThan(1_000);
  expect(found).toEqual({ database: [], files: [], output: [], answers: [], webhooks: [] });
}, 600_000);
