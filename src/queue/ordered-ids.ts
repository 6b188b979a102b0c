import { FUTURE_MS } from '../utils/clock.ts';
import { newId } from '../utils/ids.ts';

const COUNTER_MAX = 0xfff;

/**
 * Ids whose order is the order in which this process made them: a UUID v7 whose 12 bits after the time count
 * within the millisecond (RFC 9562, 6.2, method 1). Messages of one burst so leave the queue as they came.
 */
export function createOrderedIds(): (now: number) => string {
  let lastMs = 0;
  let counter = 0;
  return (now) => {
    // Set back by much: what is queued from now on must not carry the time from before.
    if (now > lastMs || now < lastMs - FUTURE_MS) {
      lastMs = now;
      counter = 0;
    } else if (counter < COUNTER_MAX) {
      counter++;
    } else {
      lastMs++;
      counter = 0;
    }
    const id = newId(lastMs);
    return `${id.slice(0, 13)}${counter.toString(16).padStart(3, '0')}${id.slice(16)}`;
  };
}

/** The order of this process. */
export const nextQueueId = createOrderedIds();
