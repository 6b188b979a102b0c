/**
 * Another gateway, as its own library makes it: `node link.mjs <library> <folder> <server's URL>` links a device in
 * `folder` and stays connected. Prints a line of JSON for each event (`qr`, `open`, `text`, `sent`); reads lines of JSON
 * (`{"send": jid, "text": …}`, `{"stop": true}`).
 */
import { createInterface } from 'node:readline';

const [library, folder, url] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const logger = {
  level: 'silent',
  child: () => logger,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
console.log = console.info = console.warn = console.error = () => undefined;

const textOf = ({ message }) => message?.conversation ?? message?.extendedTextMessage?.text;

/** The example of Baileys' README. */
async function runBaileys(name) {
  const baileys = name === 'baileys-6' ? await import('baileys-6') : await import('@whiskeysockets/baileys');
  const makeSocket = baileys.makeWASocket ?? baileys.default;
  const { state, saveCreds } = await baileys.useMultiFileAuthState(folder);
  let sock;
  let stopping = false;
  let patience;
  const start = () => {
    // 6.7 may hang on when frames of the handshake come together.
    patience = setTimeout(() => sock.end(new Error('hangs')), 5_000);
    sock = makeSocket({ auth: state, logger, waWebSocketUrl: url });
    sock.ev.on('creds.update', saveCreds);
    sock.ev.on('connection.update', ({ connection, qr, lastDisconnect }) => {
      if (qr) {
        clearTimeout(patience);
        say({ qr });
      }
      if (connection === 'open') {
        clearTimeout(patience);
        say({ open: true });
      }
      if (connection !== 'close') return;
      const code = lastDisconnect?.error?.output?.statusCode;
      clearTimeout(patience);
      say({ closed: code });
      // As its users do: all but a logout and another program is tried again.
      if (!stopping && code !== 401 && code !== 440) setTimeout(start, code === 515 ? 0 : 500);
    });
    sock.ev.on('messages.upsert', ({ messages }) => {
      for (const message of messages) if (textOf(message)) say({ text: textOf(message) });
    });
  };
  start();
  return {
    send: (jid, text) => sock.sendMessage(jid, { text }),
    async stop() {
      stopping = true;
      clearTimeout(patience);
      await saveCreds();
      await sock.end(undefined);
    },
  };
}

/** The example of wa-multi-session's README; only the server's address is another one. */
async function runMultiSession() {
  const { createRequire } = await import('node:module');
  const require = createRequire(import.meta.url);
  const file = createRequire(require.resolve('wa-multi-session')).resolve('@whiskeysockets/baileys');
  const baileys = require(file);
  baileys.DEFAULT_CONNECTION_CONFIG.waWebSocketUrl = url;
  const whatsapp = require('wa-multi-session');
  whatsapp.setCredentialsDir(folder);
  whatsapp.onConnected(() => say({ open: true }));
  whatsapp.onMessageReceived((message) => {
    if (textOf(message)) say({ text: textOf(message) });
  });
  await whatsapp.startSession('main', { printQR: false, onQRUpdated: (qr) => say({ qr }) });
  return {
    send: (jid, text) => whatsapp.sendTextMessage({ sessionId: 'main', to: jid, text }),
    stop: async () => undefined,
  };
}

const gateway = library === 'wa-multi-session' ? await runMultiSession() : await runBaileys(library);
createInterface({ input: process.stdin }).on('line', async (line) => {
  const { send, text, stop } = JSON.parse(line);
  if (send) {
    await gateway.send(send, text);
    say({ sent: text });
  }
  if (stop) {
    await gateway.stop();
    // What is being written to files is given a moment, as by a program that ends in good order.
    setTimeout(() => process.exit(0), 300);
  }
});
