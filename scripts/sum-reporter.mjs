import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { ROOT } from './bootstrap.mjs';

/** How often it is looked whether anything ends. */
const CHECK_MS = 10_000;

/**
 * A reporter of vitest's that writes what `scripts/test.mjs` adds up: the file in SUM_FILE gets the numbers of tests
 * passed and skipped, how long each file's tests and hooks took and their CPU time, and each failure with its name and the first line of
 * its error. A test file that could not be loaded and an error outside every test are failures too, and so is a test without
 * a result. When no test ends for STALL_MINUTES, it writes what it has and ends the run: nothing else may notice.
 */
export default class SumReporter {
  #lastMs = performance.now();
  #begun = new Set();
  #running = new Map();

  onTestRunStart() {
    const stallMs = Number(process.env.STALL_MINUTES) * 60_000;
    this.#lastMs = performance.now();
    setInterval(() => {
      if (performance.now() - this.#lastMs < stallMs) return;
      const names = [...this.#running.values()].join(', ') || 'none';
      const stalled = new Error(
        `no test has ended for ${process.env.STALL_MINUTES} minutes; running: ${names}`,
      );
      console.error(String(stalled));
      this.onTestRunEnd([...this.#begun], [stalled]);
      process.exit(1);
    }, CHECK_MS).unref();
  }

  onTestModuleStart(file) {
    this.#begun.add(file);
  }

  onTestCaseReady(test) {
    this.#running.set(test.id, `${relative(ROOT, test.module.moduleId)} > ${test.fullName}`);
  }

  onTestCaseResult(test) {
    this.#running.delete(test.id);
    this.#lastMs = performance.now();
  }

  onTestRunEnd(files, unhandledErrors) {
    const sum = { passed: 0, skipped: 0, failures: [], files: [] };
    for (const file of files) {
      const name = relative(ROOT, file.moduleId);
      sum.files.push({ name, ms: file.diagnostic().duration, cpuMs: file.meta().cpuMs ?? 0 });
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
  // Its process ended, or never told of it.
  else if (state === 'pending') sum.failures.push(`${file} > ${test.fullName}: has no result`);
  else sum.skipped += 1;
}

function said(where, error) {
  const [firstLine = ''] = String(error?.message ?? error).split('\n');
  return `${where}: ${firstLine.slice(0, 300)}`;
}
