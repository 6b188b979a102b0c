/** The texts of the command line. */
import { parseArgs } from 'node:util';
import type { z } from 'zod';
import { FaultBody, RuleBody } from './control-schemas.ts';
import { BEHAVIOUR_FORMS, parseBehaviour } from './rules.ts';

/** A start as the command line asks for it. */
export interface CliStart {
  kind: 'start';
  host: string;
  controlPort: number;
  waPort: number;
  mediaPort: number;
  /** undefined: nothing survives the process */
  stateDir: string | undefined;
  /** One line of JSON instead of lines for people. */
  json: boolean;
  rules: z.infer<typeof RuleBody>[];
  faults: z.infer<typeof FaultBody>[];
}

/** Only words: help, the version, or what is wrong with the arguments. */
export type Cli = CliStart | { kind: 'help' } | { kind: 'version' } | { kind: 'wrong'; message: string };

type Environment = Record<string, string | undefined>;

const OPTIONS = {
  port: { type: 'string' },
  'wa-port': { type: 'string' },
  'media-port': { type: 'string' },
  host: { type: 'string' },
  'state-dir': { type: 'string' },
  'no-state': { type: 'boolean' },
  rule: { type: 'string', multiple: true },
  passkey: { type: 'string', multiple: true },
  fault: { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** The text of `--help`. */
export const HELP = `A WhatsApp Web server with simulated people on it, on your own machine.

Usage: wa-emulator [options]

  --port NUMBER        control API, HTTP (EMULATOR_PORT; 5002). A port of 0 takes a free one
  --wa-port NUMBER     WebSocket of the clients (EMULATOR_WA_PORT; 5003)
  --media-port NUMBER  media server, HTTPS (EMULATOR_MEDIA_PORT; 5004)
  --host ADDRESS       address of this machine to listen on (127.0.0.1). There is no password: keep it to
                       machines that you trust
  --state-dir FOLDER   what survives a restart (EMULATOR_STATE_DIR; data/emulator)
  --no-state           keep nothing: every start is another server
  --rule NUMBER=WHAT   what a number does, from the start: 6281234567890=no_ack:1. * is every number.
                       May be given several times, like the next two
  --passkey NUMBER     this account asks for a passkey before a device is linked
  --fault JSON         what goes wrong, as for POST /faults: '{"kind":"slow_ack","ms":500}'
  --json               print one line of JSON instead of text: url, waUrl, rootKey, caFile, version
  -v, --version        print the version
  -h, --help           print this

It runs until Ctrl+C (SIGINT) or SIGTERM. The control API is described in the README.
`;

const DEFAULTS = { port: 5002, waPort: 5003, mediaPort: 5004, host: '127.0.0.1', stateDir: 'data/emulator' };

/** Reads the arguments, and the environment where they say nothing. Never throws. */
export function readCli(args: string[], env: Environment): Cli {
  try {
    const { values } = parseArgs({ args, options: OPTIONS, strict: true });
    if (values.help) return { kind: 'help' };
    if (values.version) return { kind: 'version' };
    const stateDir = values['state-dir'] ?? (env.EMULATOR_STATE_DIR || DEFAULTS.stateDir);
    return {
      kind: 'start',
      host: values.host ?? DEFAULTS.host,
      controlPort: readPort('--port', values.port, env.EMULATOR_PORT, DEFAULTS.port),
      waPort: readPort('--wa-port', values['wa-port'], env.EMULATOR_WA_PORT, DEFAULTS.waPort),
      mediaPort: readPort('--media-port', values['media-port'], env.EMULATOR_MEDIA_PORT, DEFAULTS.mediaPort),
      stateDir: values['no-state'] ? undefined : stateDir,
      json: values.json ?? false,
      rules: [...(values.rule ?? []).map(readRule), ...(values.passkey ?? []).map(readPasskey)],
      faults: (values.fault ?? []).map(readFault),
    };
  } catch (error) {
    return { kind: 'wrong', message: error instanceof Error ? error.message : String(error) };
  }
}

function readPort(name: string, given: string | undefined, fromEnv: string | undefined, fallback: number) {
  const text = given ?? (fromEnv || undefined);
  const port = text === undefined ? fallback : /^\d+$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new Error(`${name} must be a port number, not "${text}"`);
  return port;
}

function readRule(text: string): z.infer<typeof RuleBody> {
  const at = text.indexOf('=');
  const rule = { number: text.slice(0, Math.max(at, 0)), behaviour: text.slice(at + 1) };
  const parsed = RuleBody.safeParse(rule);
  if (!parsed.success) {
    throw new Error(`--rule must be NUMBER=WHAT with E.164 digits without +, or *=WHAT, not "${text}"`);
  }
  if (!parseBehaviour(rule.behaviour)) throw new Error(`--rule ${text}: one of ${BEHAVIOUR_FORMS}`);
  return parsed.data;
}

function readPasskey(number: string): z.infer<typeof RuleBody> {
  const parsed = RuleBody.safeParse({ number, passkey: true });
  if (!parsed.success) throw new Error(`--passkey must be E.164 digits without +, not "${number}"`);
  return parsed.data;
}

function readFault(text: string): z.infer<typeof FaultBody> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`--fault must be JSON as for POST /faults, not "${text}"`);
  }
  const parsed = FaultBody.safeParse(value);
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`);
  throw new Error(`--fault ${text}: ${reasons.join('; ')}`);
}
