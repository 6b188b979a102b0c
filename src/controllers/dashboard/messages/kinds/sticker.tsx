import { texts } from '../../i18n.ts';
import { filePages } from './file.tsx';

const T = texts({
  en: { hint: 'A WebP image of 512 × 512.' },
  id: { hint: 'Gambar WebP 512 × 512.' },
});

export const sticker = filePages({
  type: 'sticker',
  name: ['Sticker', 'Stiker'],
  form: [],
  accept: 'image/webp',
  hint: (lang) => T(lang).hint,
  input: () => ({}),
  refill: () => ({}),
  player: (path, name) => <img class="media sticker" src={path} alt={name} loading="lazy" />,
});
