/** A tiny SMTP server: keeps what it is sent, and refuses when told to. */
import { createServer, type Socket } from 'node:net';

export interface ReceivedMail {
  from: string;
  to: string;
  /** headers and text as they came, quoted-printable undone */
  data: string;
}

export interface SmtpServer {
  port: number;
  mails: ReceivedMail[];
  /** every line that clients sent, passwords in base64 included */
  lines: string[];
  /** what recipients are answered; null: they are taken */
  refusal: string | null;
  /** recipients at whose name the connection is broken off */
  breaksAt: RegExp | null;
  /** what the sender of a mail is answered; null: it is taken */
  senderRefusal: string | null;
  /** connections that were begun */
  connections: number;
  /** Ends every connection and listens no more. */
  goDown(): Promise<void>;
  /** Listens again, on the same port. */
  comeBack(): Promise<void>;
  close(): Promise<void>;
}

export async function openSmtpServer(): Promise<SmtpServer> {
  const sockets = new Set<Socket>();
  const state: SmtpServer = {
    port: 0,
    mails: [],
    lines: [],
    refusal: null,
    breaksAt: null,
    senderRefusal: null,
    connections: 0,
    goDown,
    comeBack,
    close: goDown,
  };
  const server = createServer((socket) => {
    state.connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    talk(socket, state);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  state.port = address.port;
  async function goDown(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
  async function comeBack(): Promise<void> {
    await new Promise<void>((resolve) => server.listen(state.port, '127.0.0.1', resolve));
  }
  return state;
}

function talk(socket: Socket, state: SmtpServer): void {
  let text = '';
  let mail: ReceivedMail | null = null;
  let inData = false;
  const say = (line: string) => socket.write(`${line}\r\n`);
  say('220 test');
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      onLine(line);
    }
  });
  function onLine(line: string): void {
    if (inData && mail !== null) {
      if (line !== '.') {
        mail.data += `${line.replace(/^\./, '')}\r\n`;
        return;
      }
      inData = false;
      state.mails.push({ ...mail, data: decode(mail.data) });
      return void say('250 taken');
    }
    state.lines.push(line);
    const [verb = ''] = line.toUpperCase().split(/[ :]/, 1);
    if (verb === 'EHLO') return void say('250-test\r\n250 AUTH PLAIN');
    if (verb === 'AUTH') return void say('235 welcome');
    if (verb === 'MAIL' && state.senderRefusal !== null) return void say(state.senderRefusal);
    if (verb === 'RCPT' && state.breaksAt?.test(line)) return void socket.destroy();
    if (verb === 'MAIL') mail = { from: line, to: '', data: '' };
    if (verb === 'RCPT' && state.refusal !== null) return void say(state.refusal);
    if (verb === 'RCPT' && mail !== null) mail.to = /<(.*)>/.exec(line)?.[1] ?? '';
    if (verb === 'DATA') inData = true;
    if (verb === 'QUIT') return void socket.end('221 bye\r\n');
    say(verb === 'DATA' ? '354 go on' : '250 ok');
  }
}

/** Quoted-printable, as our mails are. */
function decode(data: string): string {
  const joined = data.replace(/=\r\n/g, '');
  const bytes = joined.replace(/=([0-9A-F]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}
