export const messagesStatus = {
  title: 'Post a status',
  about:
    'A status is shown for 24 hours, only to the people you name, and only to those who have saved your number. People who do not know the session count as new contacts.',
  session: 'Session',
  recipients: 'Who sees it',
  recipientsHint: 'Up to 256 phone numbers, one on each line.',
  text: 'Text',
  background: 'Background colour',
  image: 'Image instead of the text',
  video: 'Video instead of the text',
  caption: 'Caption',
  post: 'Post',
  posted: 'The status is in the queue.',
  back: 'New message',
};
