/** Offers of businesses, as a chat shows them: messages with buttons, lists, products, orders, events. */

import type { Child } from 'hono/jsx';
import type { InboundContent, OfferedButton, Price } from '../../../whatsapp/inbound-content.ts';
import type { View } from '../page.ts';
import { Time } from '../parts.tsx';
import { shownNumber } from '../shown-number.ts';
import { Point } from './kinds/point.tsx';
import { MESSAGE_TEXTS } from './texts.ts';

type Of<T extends InboundContent['type']> = Extract<InboundContent, { type: T }>;
interface Offered {
  title?: string;
  text: string;
  footer?: string;
  buttons: readonly OfferedButton[];
}

/** Buttons, templates and native buttons; cards one after the other. */
export function OfferPart({ offer, cards = [] }: { offer: Offered; cards?: readonly Offered[] }) {
  return (
    <>
      {offer.title && (
        <p class="wrap">
          <b>{offer.title}</b>
        </p>
      )}
      {offer.text && <p class="wrap">{offer.text}</p>}
      {offer.footer && <p class="muted small wrap">{offer.footer}</p>}
      <ul class="choices">
        {offer.buttons.map((button) => (
          <li class="wrap">
            <OuterLink url={button.url}>{button.text}</OuterLink>
            {(button.phone ?? button.code) && (
              <div class="small muted">{button.phone ? shownNumber(button.phone) : button.code}</div>
            )}
          </li>
        ))}
      </ul>
      {cards.map((card) => (
        <OfferPart offer={card} />
      ))}
    </>
  );
}

export function ProductPart({ view, product }: { view: View; product: Of<'product'> }) {
  return (
    <>
      <p class="wrap">
        🛍 <b>{product.title || product.productId}</b>
        {product.price && ` · ${priceText(view, product.salePrice ?? product.price)}`}
      </p>
      {product.description && <p class="wrap">{product.description}</p>}
      {product.text && <p class="wrap">{product.text}</p>}
      {product.url && (
        <p class="small wrap">
          <OuterLink url={product.url}>{product.url}</OuterLink>
        </p>
      )}
    </>
  );
}

export function OrderPart({ view, order }: { view: View; order: Of<'order'> }) {
  const t = MESSAGE_TEXTS(view.lang);
  return (
    <>
      <p class="wrap">
        🛒 <b>{order.title || t.order}</b> · {t.items(String(order.items))}
        {order.total && ` · ${priceText(view, order.total)}`}
      </p>
      {order.text && <p class="wrap">{order.text}</p>}
      <p class="mono small muted wrap">{order.orderId}</p>
    </>
  );
}

type Event = Pick<
  Of<'event'>,
  | 'name'
  | 'canceled'
  | 'startsAt'
  | 'endsAt'
  | 'place'
  | 'latitude'
  | 'longitude'
  | 'description'
  | 'joinLink'
>;

export function EventPart({ view, event }: { view: View; event: Event }) {
  return (
    <>
      <p class="wrap">
        📅 <b>{event.name}</b> {event.canceled && MESSAGE_TEXTS(view.lang).eventCanceled}
        {event.startsAt && (
          <>
            <br />
            <Time at={event.startsAt} />
          </>
        )}
        {event.endsAt && (
          <>
            {' – '}
            <Time at={event.endsAt} />
          </>
        )}
      </p>
      {(event.place || event.latitude !== undefined) && (
        <p class="wrap">
          📍 {event.place} <Point view={view} latitude={event.latitude} longitude={event.longitude} />
        </p>
      )}
      {event.description && <p class="wrap">{event.description}</p>}
      {event.joinLink && (
        <p class="small wrap">
          <OuterLink url={event.joinLink}>{event.joinLink}</OuterLink>
        </p>
      )}
    </>
  );
}

/** Its sender chose the address: a link only when it leads to a page. */
export function OuterLink({ url, children }: { url: string | undefined; children: Child }) {
  if (url === undefined || !/^https?:\/\//i.test(url)) return <>{children}</>;
  return (
    <a href={url} rel="noreferrer noopener nofollow" target="_blank">
      {children}
    </a>
  );
}

function priceText({ lang }: View, { amount, currency }: Price): string {
  return `${amount.toLocaleString(lang)} ${currency}`.trim();
}
