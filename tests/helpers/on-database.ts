/** Tests of what one of the databases alone has. The other one has nothing to test there, so nothing is skipped. */
import { describe, test } from 'vitest';
import { dbType } from '../../src/db/kit.ts';

export function testOn(type: typeof dbType, name: string, work: () => unknown): void {
  if (dbType === type) test(name, work);
}

export function describeOn(type: typeof dbType, name: string, tests: () => void): void {
  if (dbType === type) describe(name, tests);
}
