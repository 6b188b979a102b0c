/** Bare clients in a process of their own. */
import { calls, stop } from '../bare-calls.ts';
import { serveCalls } from '../child.ts';

serveCalls(calls, stop);
