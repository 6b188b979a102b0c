export const broadcastUpload = {
  sending: 'The file is being sent…',
  sent: 'The file has arrived and is being looked at…',
  progress: 'How much of the file has been sent',
};
