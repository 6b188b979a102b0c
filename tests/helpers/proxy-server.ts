/** Proxies in the test's process (HTTP CONNECT, the same over TLS, SOCKS 5), and a watch on what goes past them. */
import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ProxyAddress } from '../../src/utils/proxy/address.ts';
import { formatProxy } from '../../src/utils/proxy/address.ts';

export interface ProxyServer {
  port: number;
  /** `host:port` of each tunnel that was asked for, in order */
  asked: string[];
  /** user and password of each attempt to log in */
  logins: string[];
  /** tunnels that were opened */
  opened: number;
  /** answer to all who ask, instead of a tunnel: an HTTP status or a reply of SOCKS 5; null: none */
  refusal: number | null;
  /** says nothing at all to who connects */
  silent: boolean;
  /** the address as a client writes it */
  url(credentials?: ProxyAddress['credentials']): string;
  /** Cuts every tunnel; new ones can be opened. */
  cut(): void;
  /** Ends it: whoever connects is refused. May be called twice. */
  close(): Promise<void>;
  /** Begins again on the same port. */
  reopen(): Promise<void>;
}

export interface ProxyServerOptions {
  protocol: ProxyAddress['protocol'];
  credentials?: ProxyAddress['credentials'];
  /** for `https` */
  tls?: { key: string; cert: string };
  /** where names that no resolver knows lead */
  hosts?: Record<string, string>;
}

/** Sockets by which proxies of this process go on: what is not among them went direct. */
const upstream = new WeakSet<Socket>();

/** Starts one on a free port of loopback. */
export async function startProxy(options: ProxyServerOptions): Promise<ProxyServer> {
  const { protocol, credentials = null, hosts = {} } = options;
  const sockets = new Set<Duplex>();
  const state: ProxyServer = {
    port: 0,
    asked: [],
    logins: [],
    opened: 0,
    refusal: null,
    silent: false,
    url: (given = credentials) =>
      formatProxy({ protocol, host: '127.0.0.1', port: state.port, credentials: given }),
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    close,
    reopen: () => listen(state.port),
  };
  const keep = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const reach = (host: string, port: number) => {
    state.asked.push(`${host}:${port}`);
    const socket = new Socket();
    upstream.add(socket);
    keep(socket);
    socket.connect(port, hosts[host] ?? host);
    return socket;
  };
  const isKnown = (user: string, password: string) => {
    state.logins.push(`${user}:${password}`);
    return credentials === null || (credentials.user === user && credentials.password === password);
  };
  const join = (a: Duplex, b: Duplex) => {
    state.opened += 1;
    a.pipe(b).pipe(a);
    a.on('close', () => b.destroy());
    b.on('close', () => a.destroy());
  };

  const server =
    protocol === 'socks5'
      ? createTcpServer((socket) => {
          keep(socket);
          if (!state.silent)
            talkSocks(socket, { state, credentials, isKnown, reach, join }).catch(() => socket.destroy());
        })
      : protocol === 'https'
        ? createHttpsServer(options.tls ?? {})
        : createHttpServer();
  if (protocol !== 'socks5') {
    server.on('connection', keep);
    server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      keep(socket);
      if (state.silent) return;
      const end = (status: number) => socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
      if (state.refusal !== null) return void end(state.refusal);
      const given = Buffer.from(
        /^Basic (.+)$/.exec(request.headers['proxy-authorization'] ?? '')?.[1] ?? '',
        'base64',
      );
      const [user = '', password = ''] = given.toString().split(/:(.*)/s);
      if (credentials && !isKnown(user, password)) return void end(407);
      const { hostname, port } = new URL(`http://${request.url}`);
      const far = reach(hostname.replace(/^\[|\]$/g, ''), Number(port) || 80);
      far.once('connect', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        if (head.length > 0) far.write(head);
        join(socket, far);
      });
      far.once('error', () => end(502));
    });
  }

  async function listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    state.port = (server.address() as AddressInfo).port;
  }
  async function close(): Promise<void> {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    state.cut();
    await closed;
  }
  await listen(0);
  return state;
}

interface SocksDeps {
  state: ProxyServer;
  credentials: ProxyAddress['credentials'];
  isKnown: (user: string, password: string) => boolean;
  reach: (host: string, port: number) => Socket;
  join: (a: Duplex, b: Duplex) => void;
}

/** RFC 1928 and 1929, as far as CONNECT needs them. */
async function talkSocks(
  socket: Socket,
  { state, credentials, isKnown, reach, join }: SocksDeps,
): Promise<void> {
  const [, methods = 0] = await take(socket, 2);
  const offered = await take(socket, methods);
  const wanted = credentials ? 2 : 0;
  if (!offered.includes(wanted)) return void socket.end(Buffer.from([5, 255]));
  socket.write(Buffer.from([5, wanted]));
  if (credentials) {
    const [, userLength = 0] = await take(socket, 2);
    const user = await take(socket, userLength);
    const [passwordLength = 0] = await take(socket, 1);
    const password = await take(socket, passwordLength);
    const known = isKnown(user.toString(), password.toString());
    socket.write(Buffer.from([1, known ? 0 : 1]));
    if (!known) return void socket.end();
  }
  const [, , , type] = await take(socket, 4);
  const host = await takeHost(socket, type ?? 0);
  const port = (await take(socket, 2)).readUInt16BE();
  const reply = (code: number) => socket.write(Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0]));
  if (state.refusal !== null) {
    reply(state.refusal);
    return void socket.end();
  }
  const far = reach(host, port);
  far.once('connect', () => {
    reply(0);
    join(socket, far);
  });
  far.once('error', () => {
    reply(5);
    socket.end();
  });
}

async function takeHost(socket: Socket, type: number): Promise<string> {
  if (type === 1) return (await take(socket, 4)).join('.');
  if (type !== 3) throw new Error(`address type ${type}`);
  const [length = 0] = await take(socket, 1);
  return (await take(socket, length)).toString();
}

function take(socket: Socket, bytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const read = () => {
      const chunk: Buffer | null = bytes === 0 ? Buffer.alloc(0) : socket.read(bytes);
      if (chunk === null) return;
      socket.off('readable', read);
      socket.off('close', gone);
      resolve(chunk);
    };
    const gone = () => reject(new Error('gone'));
    socket.on('readable', read);
    socket.on('close', gone);
    read();
  });
}

export interface DirectWatch {
  /** ports that this process connected to without a proxy of `startProxy`, in order */
  ports: number[];
  end(): void;
}

/** Notes every TCP connection that is begun in this process, TLS and undici included. */
export function watchDirect(): DirectWatch {
  const connect = Socket.prototype.connect;
  const ports: number[] = [];
  Socket.prototype.connect = function watched(this: Socket, ...args: unknown[]) {
    const port = portIn(args);
    if (port !== null && !upstream.has(this)) ports.push(port);
    return Reflect.apply(connect, this, args);
  } as typeof connect;
  return {
    ports,
    end() {
      Socket.prototype.connect = connect;
    },
  };
}

/** `connect(port)`, `connect({port})`, or what Node's own modules pass: an array of both. */
function portIn(args: readonly unknown[]): number | null {
  const [first] = args;
  if (Array.isArray(first)) return portIn(first);
  const port: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, 'port') : first;
  return port === undefined || port === null || Number.isNaN(Number(port)) ? null : Number(port);
}
