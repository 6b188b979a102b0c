/** What is in a fixture where the value varies but its kind does not. */
import { expect } from 'vitest';

/** Safe because these stand for a value of that type wherever an answer is compared. */
const as = <T>(matcher: unknown): T => matcher as T;

export const text = as<string>(expect.any(String));
export const count = as<number>(expect.any(Number));
export const list = as<unknown[]>(expect.any(Array));
export const object = as<object>(expect.any(Object));
export const time = as<string>(expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
export const png = as<string>(expect.stringMatching(/^data:image\/png;base64,iVBOR/));
export const messageId = as<string>(expect.stringMatching(/^3EB0[0-9A-F]+$/));
export const sixDigits = as<string>(expect.stringMatching(/^\d{6}$/));
/** WhatsApp's server has it, whatever came after. */
export const accepted = as<string>(expect.stringMatching(/^(sent|delivered|read)$/));
