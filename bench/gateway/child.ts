/** Processes of a benchmark that call one another: each side of a comparison has an event loop of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { AS_SHIPPED, BARE } from '../measure/as-shipped.ts';

/** The calls that a process answers. */
export type Calls = Record<string, (input: never) => Promise<unknown>>;

export interface Child<C extends Calls> {
  pid: number;
  calls: C;
  stop(): Promise<void>;
}

interface ChildRequest {
  id: number;
  name: string;
  input: unknown;
}
type Answer = { id: number; value: unknown } | { id: number; error: string };

const STOP_TIMEOUT_MS = 15_000;
const WITHOUT_SERVICE = /^(bare|multi-session)/;

/** Starts `bench/gateway/processes/<name>.ts` with the storage shim; what it prints on stderr is shown. */
export function startChild<C extends Calls>(name: string, env: NodeJS.ProcessEnv = {}): Child<C> {
  const child = fork(join(import.meta.dirname, 'processes', `${name}.ts`), {
    execArgv: [...(WITHOUT_SERVICE.test(name) ? BARE : AS_SHIPPED)],
    env: { ...process.env, ...env },
    // NaN stays what it is.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  const gone = once(child, 'exit').then(([code]) => {
    for (const { reject } of waiting.values()) reject(new Error(`the process ${name} ended (${code})`));
    waiting.clear();
  });
  child.on('message', (message) => {
    const answer = asAnswer(message);
    const caller = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ('error' in answer) caller?.reject(new Error(`${name}: ${answer.error}`));
    else caller?.resolve(answer.value);
  });
  let ids = 0;
  const call = (method: string, input: unknown) =>
    new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error(`the process ${name} has ended`));
      const id = ++ids;
      waiting.set(id, { resolve, reject });
      child.send({ id, name: method, input } satisfies ChildRequest);
    });
  return {
    pid: child.pid ?? 0,
    calls: asCalls<C>(
      new Proxy({}, { get: (_target, method) => (input: unknown) => call(String(method), input) }),
    ),
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await gone;
      clearTimeout(late);
    },
  };
}

/** In the child: answers calls until SIGTERM, then `stop` and the end of the process. */
export function serveCalls(calls: Calls, stop: () => Promise<void>): void {
  // tsx turns them on; a built service has none, and Baileys takes a stack with every stanza.
  process.setSourceMapsEnabled(false);
  process.on('message', (message) => {
    const { id, name, input } = asRequest(message);
    const work = async () => calls[name]?.(input as never);
    work().then(
      (value) => process.send?.({ id, value } satisfies Answer),
      (error: unknown) => process.send?.({ id, error: String(error) } satisfies Answer),
    );
  });
  process.once('SIGTERM', () => {
    stop()
      .catch((error: unknown) => console.error(error))
      .finally(() => process.exit(0));
  });
}

/** CPU time of this process so far, in milliseconds. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Safe because only the other end of our own channel writes into it, in this format. */
function asAnswer(message: unknown): Answer {
  return message as Answer;
}
function asRequest(message: unknown): ChildRequest {
  return message as ChildRequest;
}
/** Safe because the process of that name serves exactly these calls. */
function asCalls<C>(proxy: object): C {
  return proxy as C;
}
