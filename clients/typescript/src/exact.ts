/** Types that hold a request to the names that the API knows: a misspelt one does not compile, at any depth. */
import type { Client, FetchResponse, MaybeOptionalInit } from 'openapi-fetch';
import type { paths } from './api.ts';

type Method = 'get' | 'put' | 'post' | 'delete';
type Media = 'application/json';

/** Paths that have this method. */
type PathsOf<M extends Method> = {
  [Path in keyof paths]: paths[Path] extends { [K in M]: infer Operation }
    ? [Operation] extends [undefined]
      ? never
      : Path
    : never;
}[keyof paths];

type Leaf = string | number | boolean | bigint | symbol | null | undefined | Date | Blob | FormData;
type KeysOf<T> = T extends unknown ? keyof T : never;
type ValueOf<T, K extends PropertyKey> = T extends unknown ? (K extends keyof T ? T[K] : never) : never;
type ItemOf<T> = T extends readonly (infer Item)[] ? Item : never;

/** `Given`, in which what `Allowed` has no name for is `never`. Maps of the caller's own names stay as they are. */
type Exact<Given, Allowed> = Given extends Leaf
  ? Given
  : Given extends readonly (infer Item)[]
    ? Exact<Item, ItemOf<NonNullable<Allowed>>>[]
    : string extends KeysOf<NonNullable<Allowed>>
      ? Given
      : {
          [K in keyof Given]: K extends KeysOf<NonNullable<Allowed>>
            ? Exact<Given[K], ValueOf<NonNullable<Allowed>, K>>
            : never;
        };

type Part<Init, Name extends string> = Init extends { [K in Name]?: infer Value } ? Value : never;

/** The parts of a request that have names. */
type ExactInit<Init, Allowed> = Init & {
  body?: Exact<Part<Init, 'body'>, Part<NonNullable<Allowed>, 'body'>>;
  params?: Exact<Part<Init, 'params'>, Part<NonNullable<Allowed>, 'params'>>;
};

type Arguments<Init, Allowed> = undefined extends Allowed
  ? [init?: ExactInit<Init, Allowed>]
  : [init: ExactInit<Init, Allowed>];

type ExactMethod<M extends Method> = <
  Path extends PathsOf<M>,
  Init extends MaybeOptionalInit<paths[Path], M>,
>(
  url: Path,
  ...init: Arguments<Init, MaybeOptionalInit<paths[Path], M>>
) => Promise<FetchResponse<NonNullable<paths[Path][M]>, Init, Media>>;

/** `GET`, `POST`, `PUT` and `DELETE` with the path, parameters and bodies of the API, all typed. */
export interface WaHubClient extends Pick<Client<paths, Media>, 'use' | 'eject'> {
  GET: ExactMethod<'get'>;
  POST: ExactMethod<'post'>;
  PUT: ExactMethod<'put'>;
  DELETE: ExactMethod<'delete'>;
}
