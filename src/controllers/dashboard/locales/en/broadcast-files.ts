export const broadcastFiles = {
  title: 'Files',
  uploadTitle: 'Upload a file',
  file: 'Image or document',
  upload: 'Upload',
  kinds: (max: string) =>
    `jpg, png, gif, pdf, doc or docx, up to ${max}. The type is detected from the content.`,
  uploaded: (name: string) => `${name} uploaded. You can choose it when you create a campaign.`,
  scanned: (name: string) => `${name} uploaded and scanned for viruses.`,
  noneTitle: 'No files yet',
  noneText: 'Upload an image or a document to send with a campaign.',
  name: 'Name',
  type: 'Type',
  size: 'Size',
  until: 'Kept until',
  delete: 'Delete',
  deleteSure: (name: string) =>
    `Delete ${name}? Messages with this file that have not been sent yet will fail.`,
  deleted: 'File deleted.',
  nameless: 'untitled',
  send: 'Send',
};
