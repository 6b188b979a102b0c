import { CaptionField, filePages } from './file.tsx';

export const image = filePages({
  type: 'image',
  name: ['Image', 'Gambar'],
  form: ['caption'],
  accept: 'image/*',
  fields: (view, filled) => <CaptionField view={view} filled={filled} />,
  input: ({ caption }) => ({ caption }),
  refill: ({ caption }) => ({ caption }),
  player: (path, name) => <img class="media image" src={path} alt={name} loading="lazy" />,
});
