/**
 * A thread beside the tests: where their process's event loop stands still for too long, it says where that is and ends the
 * process. No limit of a test can do that: it is a timer of the same loop.
 */
import { writeSync } from 'node:fs';
import { Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';

const { beat, limitMs } = workerData;
const CHECK_MS = 1_000;
/** What is stuck outside of JavaScript cannot be asked. */
const ANSWER_MS = 10_000;
const FRAMES = 30;

/** The functions in which the main thread is, the innermost first; one line that says so where it does not answer. */
function whereItIs() {
  return new Promise((resolve) => {
    setTimeout(() => resolve(['(not in JavaScript)']), ANSWER_MS);
    const session = new Session();
    session.connectToMainThread();
    const urls = new Map();
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
    session.on('Debugger.paused', ({ params }) => {
      resolve(
        params.callFrames
          .slice(0, FRAMES)
          .map(
            ({ functionName, location: { scriptId, lineNumber } }) =>
              `${functionName || '-'} ${urls.get(scriptId) ?? ''}:${lineNumber + 1}`,
          ),
      );
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
  });
}

let [lastBeat, standsMs] = [-1, 0];
setInterval(async () => {
  const now = Atomics.load(beat, 0);
  // Counted in checks, not in time: a machine that was asleep has stood still as a whole.
  standsMs = now === lastBeat ? standsMs + CHECK_MS : 0;
  lastBeat = now;
  if (standsMs !== limitMs) return;
  const frames = await whereItIs();
  // A stream of a thread's is written by the main thread.
  writeSync(2, `\nThe event loop stood still for ${limitMs / 1_000} s, in:\n  ${frames.join('\n  ')}\n`);
  process.kill(process.pid, 'SIGKILL');
}, CHECK_MS);
