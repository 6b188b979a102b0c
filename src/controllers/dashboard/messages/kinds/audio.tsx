import { texts } from '../../i18n.ts';
import { Check } from '../../parts.tsx';
import { filePages } from './file.tsx';
import { boxOf, ticked, ViewOnceField } from './parts.tsx';

const T = texts({
  en: {
    ptt: 'Send as a voice note (Ogg Opus; any audio if the server has ffmpeg)',
    voice: 'Voice note',
  },
  id: {
    ptt: 'Sebagai pesan suara (Ogg Opus, atau suara apa pun bila layanan punya ffmpeg)',
    voice: 'Pesan suara',
  },
});

export const audio = filePages({
  type: 'audio',
  name: ['Audio', 'Audio'],
  form: ['ptt', 'viewOnce'],
  accept: 'audio/*',
  fields: (view, filled) => (
    <>
      <Check label={T(view.lang).ptt} name="ptt" checked={filled.ptt === 'true'} />
      <ViewOnceField view={view} filled={filled} />
    </>
  ),
  input: ({ ptt, viewOnce }) => ({ ptt: ptt === 'true', ...ticked('viewOnce', viewOnce) }),
  refill: ({ ptt, viewOnce }) => ({ ptt: String(ptt), viewOnce: boxOf(viewOnce) }),
  player: (path, name) => (
    // biome-ignore lint/a11y/useMediaCaption: what somebody sent has none
    <audio class="media" src={path} controls preload="metadata" aria-label={name} />
  ),
  label: (lang, { ptt }) => (ptt ? `${T(lang).voice} · ` : ''),
  summary: (lang, { ptt }) => (ptt ? T(lang).voice : ''),
});
