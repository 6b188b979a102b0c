import { texts } from '../../i18n.ts';
import { Check } from '../../parts.tsx';
import { CaptionField, filePages } from './file.tsx';
import { boxOf, MentionsField, mentionsIn, mentionsOf, ticked, ViewOnceField } from './parts.tsx';

const T = texts({
  en: {
    gifPlayback: 'As a GIF: plays by itself, without sound',
    videoNote: 'As a round video message, without caption',
    gif: 'GIF',
    note: 'Video message',
  },
  id: {
    gifPlayback: 'Sebagai GIF: diputar sendiri, tanpa suara',
    videoNote: 'Sebagai pesan video bulat, tanpa keterangan',
    gif: 'GIF',
    note: 'Pesan video',
  },
});

export const video = filePages({
  type: 'video',
  name: ['Video', 'Video'],
  form: ['caption', 'mentions', 'viewOnce', 'gifPlayback', 'videoNote'],
  accept: 'video/*',
  fields: (view, filled) => (
    <>
      <CaptionField view={view} filled={filled} />
      <MentionsField view={view} filled={filled} />
      <ViewOnceField view={view} filled={filled} />
      <Check label={T(view.lang).gifPlayback} name="gifPlayback" checked={filled.gifPlayback === 'true'} />
      <Check label={T(view.lang).videoNote} name="videoNote" checked={filled.videoNote === 'true'} />
    </>
  ),
  input: (form) => ({
    caption: form.caption,
    ...mentionsIn(form),
    ...ticked('viewOnce', form.viewOnce),
    ...ticked('gifPlayback', form.gifPlayback),
    ...ticked('videoNote', form.videoNote),
  }),
  refill: (content) => ({
    caption: content.caption,
    ...mentionsOf(content),
    viewOnce: boxOf(content.viewOnce),
    gifPlayback: boxOf(content.gif),
    videoNote: boxOf(content.note),
  }),
  player: (path, name) => (
    // biome-ignore lint/a11y/useMediaCaption: what somebody sent has none
    <video class="media" src={path} controls preload="metadata" aria-label={name} />
  ),
  label: (lang, { gif, note }) => (gif ? `${T(lang).gif} · ` : note ? `${T(lang).note} · ` : ''),
});
