export const messagesAlbum = {
  title: 'Send an album',
  about:
    'Two to ten images and videos that phones show as one album. Images come first. Each is sent as a message of its own, at the pace of the session.',
  session: 'Session',
  to: 'To',
  toHint: 'A phone number in any usual format, or a group ID (…@g.us).',
  images: 'Images',
  videos: 'Videos',
  placesHint: 'On each line an https URL, or the ID of a file you uploaded before.',
  caption: 'Caption of the first',
  send: 'Send',
  queued: 'The album is in the queue.',
  back: 'New message',
};
