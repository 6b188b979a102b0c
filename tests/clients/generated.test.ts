/** What is made of the OpenAPI document and kept in the repository is what would be made of it now. */
import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

/** What a program printed and how it ended. */
function run(command: string, args: string[]): Promise<{ code: number; printed: string }> {
  return new Promise((resolve) => {
    execFile(command, args, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), printed: stdout + stderr });
    });
  });
}

test('the types of the client and the Postman collection are up to date', async () => {
  const check = ['--import', 'tsx', 'scripts/client-generate.ts', '--check'];
  expect(await run(process.execPath, check)).toEqual({ code: 0, printed: '' });
}, 120_000);
