export const codePart = {
  show: 'Copy as code',
  about:
    'The API request for this form, exactly as it is filled in. It reads your API key from the environment.',
  exampleFile: 'Put the URL of your file, or the ID of an upload, in place of the one at example.com.',
  copy: 'Copy',
  copied: 'Copied',
};
