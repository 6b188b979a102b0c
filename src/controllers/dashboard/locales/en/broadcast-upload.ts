export const broadcastUpload = {
  sending: 'Uploading the file…',
  sent: 'Checking the file…',
  progress: 'Upload progress',
};
