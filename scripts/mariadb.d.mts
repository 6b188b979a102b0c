export interface Mariadb {
  host: string;
  port: number;
  user: string;
  password: string;
  pid: number;
  /** for TEST_MYSQL_URL */
  url: string;
  /** given again to startMariadb it starts the same data */
  dir: string;
  /** path of its UNIX socket */
  socket: string;
  createDatabase(name: string): Promise<void>;
  /** ends the server; removes the directory if startMariadb made it */
  stop(): Promise<void>;
}

export function ensureMariadb(): Promise<true | string>;
export function startMariadb(options?: { dir?: string; port?: number; durable?: boolean }): Promise<Mariadb>;
