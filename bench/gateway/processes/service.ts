/** The service in a process of its own. */
import { serveCalls } from '../child.ts';
import { calls, stop } from '../service-calls.ts';

serveCalls(calls, stop);
