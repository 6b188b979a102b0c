import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type CliStart, readCli } from '../src/cli.ts';
import { startEmulator } from '../src/index.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

function started(args: string[], env: Record<string, string> = {}): CliStart {
  const cli = readCli(args, env);
  if (cli.kind !== 'start') throw new Error(JSON.stringify(cli));
  return cli;
}

describe('the command line', () => {
  it('has defaults, which the environment overrules, which arguments overrule', () => {
    expect(started([])).toMatchObject({
      host: '127.0.0.1',
      controlPort: 5002,
      waPort: 5003,
      mediaPort: 5004,
      stateDir: 'data/emulator',
      json: false,
    });
    const env = {
      EMULATOR_PORT: '1',
      EMULATOR_WA_PORT: '2',
      EMULATOR_STATE_DIR: 'there',
      EMULATOR_MEDIA_PORT: '',
    };
    expect(started([], env)).toMatchObject({ controlPort: 1, waPort: 2, mediaPort: 5004, stateDir: 'there' });
    expect(started(['--port', '0', '--no-state'], env)).toMatchObject({
      controlPort: 0,
      stateDir: undefined,
    });
  });

  it('takes rules, passkeys and faults, each several times', () => {
    const cli = started([
      ...['--rule', '6281234567890=no_ack:1', '--rule=*=unread', '--passkey', '6281234567891'],
      ...['--fault', '{"kind":"slow_ack","ms":5}', '--json'],
    ]);
    expect(cli).toMatchObject({
      json: true,
      rules: [
        { number: '6281234567890', behaviour: 'no_ack:1' },
        { number: '*', behaviour: 'unread' },
        { number: '6281234567891', passkey: true },
      ],
      faults: [{ kind: 'slow_ack', ms: 5 }],
    });
  });

  it.each([
    [['--port', 'http'], /--port must be a port number, not "http"/],
    [['--media-port', '70000'], /--media-port/],
    [['--rule', '6281234567890'], /--rule must be NUMBER=WHAT/],
    [['--rule', '6281234567890=explode'], /one of ok/],
    [['--passkey', '+62812'], /--passkey must be E\.164/],
    [['--fault', 'drop'], /--fault must be JSON/],
    [['--fault', '{"kind":"refuse"}'], /seconds/],
    [['--prot', '1'], /--prot/],
    [['scan'], /scan/],
  ])('says what is wrong with %j', (args, message) => {
    expect(readCli(args, {})).toEqual({ kind: 'wrong', message: expect.stringMatching(message) });
  });

  it('prints help and the version, and ends with 2 on a wrong argument', async () => {
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, ['--import', 'tsx', MAIN, ...args]);
    expect((await run('--help')).stdout).toContain('--state-dir FOLDER');
    expect((await run('-v')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    await expect(run('--port', 'x')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--help'),
    });
  });

  it('prints one line of JSON, with the rules in force', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'emulator-cli-'));
    const ports = ['--port=0', '--wa-port=0', '--media-port=0'];
    const args = [...ports, '--state-dir', dir, '--rule', '*=unread', '--passkey=6281234567891', '--json'];
    const child = execFile(process.execPath, ['--import', 'tsx', MAIN, ...args]);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const line = await new Promise<string>((resolve) => child.stdout?.once('data', resolve));
    const { url, waUrl, rootKey, caFile } = JSON.parse(line);
    expect(waUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/ws\/chat$/);
    expect(rootKey).toMatch(/^[0-9a-f]{64}$/);
    expect(caFile).toBe(join(dir, 'ca.pem'));
    expect(await (await fetch(`${url}/rules`)).json()).toEqual([{ number: '*', behaviour: 'unread' }]);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await rm(dir, { recursive: true, force: true });
  });
});

describe('where it listens', () => {
  it('leaves nothing behind when one of its ports is taken', async () => {
    const taken = await startEmulator();
    const controlPort = Number(new URL(taken.url).port);
    const free = await startEmulator();
    const [waPort, mediaPort] = [Number(new URL(free.waUrl).port), 0];
    await free.stop();
    await expect(startEmulator({ controlPort, waPort, mediaPort })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    const again = await startEmulator({ waPort });
    await Promise.all([again.stop(), taken.stop()]);
  });

  it('is one address of this machine, which its certificate and its control API know', async () => {
    await expect(startEmulator({ host: '0.0.0.0' })).rejects.toThrow(/one address of this machine/);
    const dir = await mkdtemp(join(tmpdir(), 'emulator-host-'));
    const usual = await startEmulator({ stateDir: dir });
    await usual.stop();
    const other = await startEmulator({ stateDir: dir, host: '127.0.0.9' });
    expect(other.waUrl).toContain('ws://127.0.0.9:');
    expect((await fetch(`${other.url}/health`)).status).toBe(200);
    expect(other.rootKey).toBe(usual.rootKey);
    expect(other.ca).not.toBe(usual.ca);
    await other.stop();
    await rm(dir, { recursive: true, force: true });
  });
});
