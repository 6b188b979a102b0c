/** The control API of the emulated WhatsApp that a sandbox talks to. */
import { z } from 'zod';
import { AppError } from '../../utils/errors.ts';
import type { Ctx } from '../context.ts';

/** Linking takes a second or two; everything else is immediate. */
const TIMEOUT_MS = 15_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

const Failure = z.object({ error: z.string() });

interface Call {
  path: string;
  query?: Record<string, string>;
  /** makes it a POST */
  body?: Record<string, unknown>;
}

/**
 * Asks the emulator. Throws NOT_FOUND where there is none (no sandbox), CONFLICT with its own words when it refuses,
 * UNAVAILABLE when it does not answer.
 */
export async function askEmulator<S extends z.ZodType>(
  ctx: Pick<Ctx, 'config'>,
  answer: S,
  { path, query, body }: Call,
): Promise<z.output<S>> {
  const url = new URL(path, baseOf(ctx));
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const init: RequestInit =
    body === undefined
      ? {}
      : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
    text = await response.text();
  } catch (error) {
    throw new AppError('UNAVAILABLE', 'The emulator of this sandbox does not answer.', { cause: error });
  }
  if (response.ok) return answer.parse(JSON.parse(text));
  const failure = Failure.safeParse(parsed(text));
  throw new AppError('CONFLICT', `The emulator refuses: ${failure.data?.error ?? response.status}.`);
}

/** There are simulated phones; never in production, whatever else is set. */
export function isSandbox({ config }: Pick<Ctx, 'config'>): boolean {
  return config.emulatorUrl !== null && config.env !== 'production';
}

/** Throws NOT_FOUND unless this is a sandbox. */
export function requireSandbox(ctx: Pick<Ctx, 'config'>): void {
  baseOf(ctx);
}

/** Only of this machine: whoever sets the address must not make the service a way into a network. */
function baseOf({ config }: Pick<Ctx, 'config'>): string {
  const { emulatorUrl } = config;
  if (
    !isSandbox({ config }) ||
    emulatorUrl === null ||
    !URL.canParse(emulatorUrl) ||
    !LOOPBACK.test(new URL(emulatorUrl).hostname)
  ) {
    throw new AppError('NOT_FOUND', 'There are simulated phones in a sandbox only.');
  }
  return emulatorUrl;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
