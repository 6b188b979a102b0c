import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { createClient, linkSession, sendOtp, unwrap, verifyOtp } from '@wahub/client';

const { WAHUB_URL, WAHUB_KEY, EMULATOR_URL, SESSION = 'example-typescript' } = process.env;
const PHONE = process.env.PHONE ?? '628111110005';
const RECIPIENT = process.env.RECIPIENT ?? '6281234567005';
const wahub = createClient({
  ...(WAHUB_URL ? { baseUrl: WAHUB_URL } : {}),
  ...(WAHUB_KEY ? { apiKey: WAHUB_KEY } : {}),
});

const linked = await linkSession(wahub, {
  sessionId: SESSION,
  onCode: async ({ qr, qrPageUrl }) => {
    if (EMULATOR_URL && qr) await emulator('/scan', { qr, phone: PHONE });
    else console.log('Scan this QR with the phone:', qrPageUrl ?? qr);
  },
});
console.log('linked:', linked.user?.phone);

const sent = await sendOtp(wahub, { session: SESSION, to: RECIPIENT, companyName: 'Toko Maju' });
if (sent.outcome !== 'accepted') throw new Error(`no code was sent: ${sent.outcome}`);
console.log('code sent, good until', sent.expiresAt);
const code = EMULATOR_URL ? await readCode(sent.messageId) : await ask('Code: ');
const wrong = code === '000000' ? '111111' : '000000';
for (const [name, otp] of [
  ['wrong', wrong],
  ['right', code],
]) {
  const checked = await verifyOtp(wahub, { otpId: sent.otpId, otp: otp ?? '' });
  console.log(`${name} code accepted:`, checked.outcome === 'right');
}

for (const to of ['6281234567501', '6281234567502']) {
  const init = {
    body: { session: SESSION, to, text: 'Pesanan Anda dikirim hari ini' },
    params: { header: { 'Idempotency-Key': randomUUID() } },
  };
  const first = await unwrap(wahub.POST('/message/send-text', init));
  const again = await unwrap(wahub.POST('/message/send-text', init));
  const same = first.data.messageId === again.data.messageId;
  console.log('queued:', first.data.messageId, 'a retry is the same message:', same);
}
console.log('done');

interface Arrived {
  id: string;
  text?: string;
}

async function emulator(path: string, body?: unknown): Promise<Arrived[]> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${EMULATOR_URL}${path}`, { ...init, headers })).json() as Promise<Arrived[]>;
}

/** The text that the simulated recipient's phone has decrypted. */
async function readCode(messageId: string): Promise<string> {
  for (let look = 0; look < 100; look += 1) {
    const arrived = await emulator(`/messages?to=${RECIPIENT}`);
    const code = /\d{6}/.exec(arrived.find((message) => message.id === messageId)?.text ?? '');
    if (code) return code[0];
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the code did not arrive');
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(question);
  terminal.close();
  return answer.trim();
}
