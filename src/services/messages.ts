/** The verbs of messages: every surface calls these. */
export { editMessage, revokeMessage } from './messages/amend.ts';
export { chatName, countUnread, type RecentChat, recentChats, sessionsWith } from './messages/chats.ts';
export { checkNumber } from './messages/check-number.ts';
export { getEvent } from './messages/event-responses.ts';
export { formatPhone } from './messages/format-phone.ts';
export { forwardMessage } from './messages/forward.ts';
export { listMessages } from './messages/history.ts';
export { markChatRead, markMessageRead } from './messages/mark-read.ts';
export { fetchMediaAgain } from './messages/media-again.ts';
export { pinMessage, starMessage } from './messages/pin.ts';
export { getPoll } from './messages/poll.ts';
export {
  cancelMessage,
  clearQueue,
  pauseQueue,
  queueStatus,
  restoreMessage,
  resumeQueue,
  retryMessage,
} from './messages/queue.ts';
export { getMessage } from './messages/read.ts';
export {
  type FoundMessages,
  type FoundWithReasons,
  searchMessages,
  searchWithReasons,
} from './messages/search.ts';
export { type QueuedMessage, queuedBody, sendMessage } from './messages/send.ts';
