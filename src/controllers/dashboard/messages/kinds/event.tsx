import { texts } from '../../i18n.ts';
import { Field, MomentField, TextArea } from '../../parts.tsx';
import { EventPart } from '../offer.tsx';
import { kindPages } from './kind.ts';
import { PointFields, pointIn, pointOf } from './point.tsx';

const T = texts({
  en: {
    name: 'Event name',
    description: 'Description',
    startsAt: 'Starts',
    endsAt: 'Ends',
    place: 'Place',
    joinLink: 'Link to join',
  },
  id: {
    name: 'Nama acara',
    description: 'Deskripsi',
    startsAt: 'Mulai',
    endsAt: 'Selesai',
    place: 'Tempat',
    joinLink: 'Tautan untuk bergabung',
  },
});

export const event = kindPages({
  type: 'event',
  name: ['Event', 'Acara'],
  form: ['name', 'description', 'startsAt', 'endsAt', 'place', 'latitude', 'longitude', 'joinLink'],
  fields(view, filled) {
    const t = T(view.lang);
    return (
      <>
        <Field label={t.name} name="name" value={filled.name} maxlength={255} required />
        <div class="columns">
          <MomentField label={t.startsAt} name="startsAt" value={filled.startsAt} />
          <MomentField label={t.endsAt} name="endsAt" value={filled.endsAt} />
        </div>
        <Field label={t.place} name="place" value={filled.place} maxlength={255} />
        <PointFields view={view} filled={filled} />
        <TextArea label={t.description} name="description" value={filled.description} rows={3} />
        <Field label={t.joinLink} name="joinLink" type="url" value={filled.joinLink} />
      </>
    );
  },
  input: ({ name, description, startsAt, endsAt, place, joinLink, ...form }) => ({
    ...{ name, description, startsAt, endsAt, place, joinLink },
    ...pointIn(form),
  }),
  preview: ({ name = '', ...form }) => ({ name, ...form }),
  refill: ({ name, description, startsAt, endsAt, place, joinLink, ...content }) => ({
    ...{ name, description, startsAt, endsAt, place, joinLink },
    ...pointOf(content),
  }),
  show: (view, content) => <EventPart view={view} event={content} />,
});
