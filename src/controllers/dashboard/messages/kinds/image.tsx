import { CaptionField, filePages } from './file.tsx';
import { boxOf, MentionsField, mentionsIn, mentionsOf, ticked, ViewOnceField } from './parts.tsx';

export const image = filePages({
  type: 'image',
  name: ['Image', 'Gambar'],
  form: ['caption', 'mentions', 'viewOnce'],
  accept: 'image/*',
  fields: (view, filled) => (
    <>
      <CaptionField view={view} filled={filled} />
      <MentionsField view={view} filled={filled} />
      <ViewOnceField view={view} filled={filled} />
    </>
  ),
  input: (form) => ({
    caption: form.caption,
    ...mentionsIn(form),
    ...ticked('viewOnce', form.viewOnce),
  }),
  refill: (content) => ({
    caption: content.caption,
    ...mentionsOf(content),
    viewOnce: boxOf(content.viewOnce),
  }),
  player: (path, name) => <img class="media image" src={path} alt={name} loading="lazy" />,
});
