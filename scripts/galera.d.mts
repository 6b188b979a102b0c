export interface GaleraNode {
  host: string;
  port: number;
  /** of the running server */
  pid(): number;
  /** kill -9 */
  kill(): Promise<void>;
  /** after `kill`: brings it back with what it has missed */
  start(): Promise<void>;
}

export interface Galera {
  user: string;
  password: string;
  nodes: GaleraNode[];
  createDatabase(name: string): Promise<void>;
  /** ends the servers and removes their folders */
  stop(): Promise<void>;
}

export function ensureGalera(): Promise<true | string>;
export function startGalera(): Promise<Galera>;
