/** Codes that are sent while a campaign runs on the same session, and how long each took. */
import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Emulator, startEmulator } from 'wa-emulator';
import { linkSession, type SandboxProcess, startSandboxProcess } from './sandbox-process.ts';
import { until } from './until.ts';

const SENDER = '628111000041';
const CAMPAIGN = '/session/main/broadcast';
/** Contacts of one request. */
const BATCH_SIZE = 1_000;

export interface OvertakingWorld {
  sandbox: SandboxProcess;
  emulator: Emulator;
  stop(): Promise<void>;
}

/** A linked session `main` that sends one message every `gapMs`, exactly. */
export async function startOvertaking(gapMs: number): Promise<OvertakingWorld> {
  const emulator = await startEmulator();
  const sandbox = await startSandboxProcess(emulator, {
    MESSAGE_DELAY_MIN: String(gapMs),
    MESSAGE_DELAY_MAX: String(gapMs),
    MAX_MESSAGES_PER_MINUTE: '100000',
    MAX_MESSAGES_PER_HOUR: '1000000',
    NEW_CONTACTS_PER_DAY: '0',
    // The test asks twenty times a second how its codes fare.
    API_RATE_LIMIT_MAX: '1000000',
    LOG_LEVEL: 'info',
  });
  await linkSession(sandbox, emulator, 'main', SENDER);
  return {
    sandbox,
    emulator,
    async stop() {
      await sandbox.remove();
      await emulator.stop();
    },
  };
}

/** A campaign to `recipients` people, which has sent its first messages; its id. */
export async function startCampaign(
  { sandbox, emulator }: OvertakingWorld,
  recipients: number,
): Promise<string> {
  const list = await sandbox.call('POST', `${CAMPAIGN}/lists`, { name: 'Everybody' });
  const listId: string = list.body.data.id;
  for (let at = 0; at < recipients; at += BATCH_SIZE) {
    const contacts = Array.from({ length: Math.min(BATCH_SIZE, recipients - at) }, (_, i) => ({
      number: `+62812${String(10_000_000 + at + i)}`,
    }));
    const { status } = await sandbox.call('POST', `${CAMPAIGN}/lists/${listId}/contacts`, { contacts });
    if (status !== 201) throw new Error(`no contacts: ${status}`);
  }
  const made = await sandbox.call('POST', `${CAMPAIGN}/send`, { listId, message: 'Halo {number}' });
  if (made.status !== 202) throw new Error(`no campaign: ${JSON.stringify(made.body)}`);
  await until(() => emulator.received().length >= 3, 60_000, 'the third message of the campaign');
  return made.body.data.id;
}

export interface Overtaking {
  /** from the request to WhatsApp's acknowledgement */
  tookMs: number;
  /** messages of the campaign that left in between */
  before: number;
}

/** Sends `codes` codes, each at another moment of the gap, and tells how each fared. */
export async function sendCodes(
  { sandbox, emulator }: OvertakingWorld,
  { codes, gapMs }: { codes: number; gapMs: number },
): Promise<Overtaking[]> {
  const told: Overtaking[] = [];
  // Numbers that got none yet, also when a test is tried again.
  const first = randomInt(10_000_000, 90_000_000);
  for (let i = 0; i < codes; i++) {
    await pause((i * 0.37 * gapMs) % gapMs);
    const to = `62813${String(first + i)}`;
    const askedAt = Date.now();
    const sent = await sandbox.call('POST', '/otp/send', { session: 'main', to });
    if (sent.status !== 202) throw new Error(`no code: ${JSON.stringify(sent.body)}`);
    const read = async () => (await sandbox.call('GET', `/otp/status/${sent.body.data.otpId}`)).body.data;
    await until(async () => (await read()).sentAt !== null, 60_000, `code ${i}`);
    const { createdAt, sentAt } = await read();
    const arrivedAt = Date.parse(emulator.received().find((message) => message.to === to)?.at ?? sentAt);
    const before = emulator.received().filter(({ to: other, at }) => {
      const moment = Date.parse(at);
      return other !== to && moment > Date.parse(createdAt) && moment < arrivedAt;
    });
    told.push({ tookMs: Date.parse(sentAt) - askedAt, before: before.length });
  }
  return told;
}

/** How many of its recipients the campaign has not reached. */
export async function leftOver({ sandbox }: OvertakingWorld, id: string): Promise<number> {
  const { pending, queued } = (await sandbox.call('GET', `${CAMPAIGN}/campaigns/${id}`)).body.data.statistics;
  return pending + queued;
}
