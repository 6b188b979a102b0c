/** Which rows of the history are messages of a chat: what is shown as its newest, and what waits to be read. */
import { notInArray, type SQL, type SQLWrapper } from 'drizzle-orm';
import { messages } from '../../db/schema.ts';

/** Rows that only say something about other messages, or hold them together: phones show them there. */
const ABOUT_OTHERS = ['edit', 'delete', 'reaction', 'poll_vote', 'event_response', 'pin', 'album'];

/** Whether a row of this type is a message of its chat. */
export const isOfChat = (type: string): boolean => !ABOUT_OTHERS.includes(type);

/** The same as a condition on the column. */
export const isMessageOfChat = (type: SQLWrapper = messages.type): SQL => notInArray(type, ABOUT_OTHERS);
