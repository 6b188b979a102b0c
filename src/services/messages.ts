/** The verbs of messages: every surface calls these. */
export { checkNumber } from './messages/check-number.ts';
export { cancelMessage, clearQueue, queueStatus, retryMessage } from './messages/queue.ts';
export { getMessage, type ListInput, listMessages, type MessageList } from './messages/read.ts';
export { type QueuedMessage, queuedBody, type SendInput, sendMessage } from './messages/send.ts';
