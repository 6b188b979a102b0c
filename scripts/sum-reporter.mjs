import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { ROOT } from './bootstrap.mjs';

/**
 * A reporter of vitest's that writes what `scripts/test.mjs` adds up: the file in SUM_FILE gets the numbers of tests
 * passed and skipped, how long each file's tests and hooks took, and each failure with its name and the first line of
 * its error. A test file that could not be
 * loaded and an error outside every test are failures too.
 */
export default class SumReporter {
  onTestRunEnd(files, unhandledErrors) {
    const sum = { passed: 0, skipped: 0, failures: [], files: [] };
    for (const file of files) {
      const name = relative(ROOT, file.moduleId);
      sum.files.push({ name, ms: file.diagnostic().duration });
      const suites = [file, ...file.children.allSuites()];
      for (const error of suites.flatMap((suite) => suite.errors())) sum.failures.push(said(name, error));
      for (const test of file.children.allTests()) count(test, name, sum);
    }
    for (const error of unhandledErrors) sum.failures.push(said('outside every test', error));
    writeFileSync(process.env.SUM_FILE, JSON.stringify(sum));
  }
}

function count(test, file, sum) {
  const { state, errors } = test.result();
  if (state === 'passed') sum.passed += 1;
  else if (state === 'failed') sum.failures.push(said(`${file} > ${test.fullName}`, errors[0]));
  else sum.skipped += 1;
}

function said(where, error) {
  const [firstLine = ''] = String(error?.message ?? error).split('\n');
  return `${where}: ${firstLine.slice(0, 300)}`;
}
