export const codePart = {
  show: 'Copy as code',
  about: 'The API request for this form, exactly as it is filled in. Set WAHUB_KEY to your API key.',
  copy: 'Copy',
  copied: 'Copied',
};
