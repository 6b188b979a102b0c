/**
 * The engine `wa-multi-session`: that library asks for the sockets and keeps the book of them. What it would do with
 * credentials, versions, reconnects and messages is ours (library.ts), so that nothing is lost by it.
 */
import { type BaileysEngineOptions, createBaileysEngine } from '../baileys/adapter.ts';
import { CAPABILITIES } from '../capabilities.ts';
import type { Engine } from '../engine.ts';
import { loadLibrary } from './library.ts';

const NAME = 'wa-multi-session';

/** See the port in engine.ts. The preload must be in place before this module is loaded. */
export function createMultiSessionEngine(options: Omit<BaileysEngineOptions, 'holder'>): Engine {
  const engine = createBaileysEngine({ ...options, holder: loadLibrary() });
  return { ...engine, name: NAME, capabilities: CAPABILITIES[NAME] };
}
