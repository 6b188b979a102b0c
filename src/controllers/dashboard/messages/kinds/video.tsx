import { CaptionField, filePages } from './file.tsx';

export const video = filePages({
  type: 'video',
  name: ['Video', 'Video'],
  form: ['caption'],
  accept: 'video/*',
  fields: (view, filled) => <CaptionField view={view} filled={filled} />,
  input: ({ caption }) => ({ caption }),
  refill: ({ caption }) => ({ caption }),
  player: (path, name) => (
    // biome-ignore lint/a11y/useMediaCaption: what somebody sent has none
    <video class="media" src={path} controls preload="metadata" aria-label={name} />
  ),
});
