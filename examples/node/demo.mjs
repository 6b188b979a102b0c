import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { WaHub } from './wahub.mjs';

const { WAHUB_URL, WAHUB_KEY, EMULATOR_URL, SESSION = 'example-node', PHONE = '628111110001' } = process.env;
const RECIPIENT = process.env.RECIPIENT ?? '6281234567001';
const hub = new WaHub({ url: WAHUB_URL, apiKey: WAHUB_KEY });

const emulator = async (path, body) => {
  const init = body && {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  };
  return (await fetch(EMULATOR_URL + path, init)).json();
};

const session = await hub.ensureSession(SESSION);
if (session.qr && EMULATOR_URL) await emulator('/scan', { qr: session.qr, phone: PHONE });
else if (session.qr) console.log('Scan this QR with the phone:', session.qrPageUrl ?? session.qrCode);
const { user } = await hub.waitUntilConnected(SESSION);
console.log('linked:', user.phone);

const { data: otp } = await hub.sendOtp(SESSION, RECIPIENT, 'Toko Maju');
console.log('code sent, good until', otp.expiresAt);
const code = EMULATOR_URL ? await readCode(otp.messageId) : await ask('Code: ');
console.log('wrong code accepted:', await hub.checkOtp(otp.otpId, code === '000000' ? '111111' : '000000'));
console.log('right code accepted:', await hub.checkOtp(otp.otpId, code));

const batch = ['6281234567101', '6281234567102', '6281234567103'];
for (const to of batch) {
  const idempotencyKey = randomUUID();
  const first = await hub.sendText(SESSION, to, `Pesanan Anda dikirim hari ini`, { idempotencyKey });
  const again = await hub.sendText(SESSION, to, `Pesanan Anda dikirim hari ini`, { idempotencyKey });
  console.log(
    'queued:',
    first.data.messageId,
    'a retry is the same message:',
    first.data.messageId === again.data.messageId,
  );
}
console.log('done');

/** The text that the simulated recipient's phone has decrypted. */
async function readCode(messageId) {
  for (let look = 0; look < 100; look += 1) {
    const arrived = await emulator(`/messages?to=${RECIPIENT}`);
    const text = arrived.find((message) => message.id === messageId)?.text;
    if (text) return /\d{6}/.exec(text)[0];
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('the code did not arrive');
}

async function ask(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(question);
  terminal.close();
  return answer.trim();
}
