export const codePart = {
  show: 'Copy as code',
  about:
    'The API request for this form, exactly as it is filled in. It reads your API key from the environment.',
  copy: 'Copy',
  copied: 'Copied',
};
