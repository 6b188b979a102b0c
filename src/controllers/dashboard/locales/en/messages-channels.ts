export const messagesChannels = {
  title: 'Channels',
  about:
    'Post a text, an image or a video to a channel that the session owns or helps to run. WhatsApp does not say who has seen a post: it stays at Sent.',
  session: 'Session',
  show: 'Show channels',
  none: 'This session has no channels and follows none.',
  name: 'Name',
  role: 'Role',
  followers: 'Followers',
  address: 'Address',
  owner: 'Owner',
  admin: 'Admin',
  subscriber: 'Follower',
  guest: 'Guest',
  unknown: 'Not known',
  post: 'Write a post',
  back: 'New message',
};
