/** Styles of messages, conversations, the composer and the phones of the sandbox. */
export const MESSAGE_STYLE = `
.chips { border: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.4rem; }
.chips legend { font-weight: 600; margin-bottom: 0.25rem; padding: 0; }
.chip { position: relative; cursor: pointer; }
.chip input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
.chip span { display: block; padding: 0.3rem 0.75rem; border: 1px solid #84918d; border-radius: 1rem; }
.chip input:checked + span { background: var(--strong); border-color: var(--strong); color: var(--on-strong); }
.chip input:focus-visible + span { outline: 3px solid var(--c2); outline-offset: 2px; }
form.filter .field:first-child { flex-grow: 2; }
summary { cursor: pointer; }
details[open] > summary { margin-bottom: 0.75rem; }
.busy { visibility: hidden; }
.htmx-request .busy { visibility: visible; }

#drawn-phone { min-width: 0; }
.phone { max-width: 20rem; margin: 0 auto 1rem; padding: 0.6rem; border: 1px solid #84918d; border-radius: 1.75rem; background: var(--card); box-shadow: 0 0 0 3px var(--line); }
.phone-top { margin: 0 0 0.5rem; text-align: center; overflow-wrap: anywhere; }
.phone-screen { display: flex; flex-direction: column; gap: 0.75rem; min-height: 14rem; padding: 0.75rem; border-radius: 1.25rem; background: var(--bg); overflow-wrap: anywhere; }
.phone-screen p { margin: 0; }
.phone-screen .bubble { max-width: 100%; background: var(--card); }
.phone-screen > :last-child { margin-top: auto; }

.waiting + .waiting { border-top: 1px solid var(--line); margin-top: 0.5rem; }
.waiting .filter { margin: 0; }
.nowrap { flex-wrap: nowrap; }
.nowrap button { flex: none; }
.trouble { margin: 0.5rem 0 0.75rem; }
.chat ~ form textarea { min-height: 3.5rem; }
.chat { max-height: 65vh; overflow-y: auto; margin-bottom: 1rem; padding: 0.25rem; }
.bubble p { margin: 0 0 0.25rem; }
.bubble .meta { display: flex; flex-wrap: wrap; gap: 0.5rem; justify-content: flex-end; align-items: center; }
.bubble .meta a { color: var(--muted); }
.bubble.out .badge:not(.good, .warn, .bad) { background: transparent; border-color: currentcolor; }
.quoted { margin: 0 0 0.4rem; padding: 0.25rem 0.6rem; border-left: 3px solid var(--strong); color: var(--muted); overflow-wrap: anywhere; }
img.media, video.media { display: block; max-width: 100%; max-height: 20rem; border-radius: 0.5rem; margin-bottom: 0.35rem; }
img.media.sticker { max-width: 9rem; }
audio.media { display: block; width: min(20rem, 100%); margin-bottom: 0.35rem; }
.choices { list-style: none; margin: 0.4rem 0; padding: 0; display: grid; gap: 0.3rem; }
.choices li { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.3rem 0.6rem; background: var(--card); }
ol.timeline li.open { color: var(--muted); }
ol.timeline li.open::before { background: var(--card); border: 2px solid var(--line); }
@media (min-width: 48.01rem) {
  .sticky { position: sticky; top: 1rem; }
}
`;
