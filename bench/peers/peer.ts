/** A gateway with one linked session, whatever it is built on. */
export interface Peer {
  /** the number that it sends from */
  phone: string;
  /** Hands over one message; resolves when the gateway has answered. */
  send(to: string, text: string): Promise<unknown>;
  /** CPU time of its process so far, in milliseconds. */
  cpuMs(): Promise<number>;
  stop(): Promise<void>;
}
