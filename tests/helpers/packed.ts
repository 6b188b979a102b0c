/** The service and its tools as tests start them: the code of dist/, each in one file. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export const PACKED = { sandbox: 'dist/.packed/sandbox.mjs', cli: 'dist/.packed/cli.mjs' } as const;

let prepared: Promise<unknown> | undefined;

/** Compiles and packs src/ when it has changed. Rejects with the compiler's lines. */
export async function preparePacked(): Promise<void> {
  prepared ??= promisify(execFile)(process.execPath, ['scripts/pack.mjs']);
  await prepared;
}
