/** What is there already or comes later: an `await` of what is there costs three promises and a turn of the others. */
export type Maybe<T> = T | Promise<T>;

/** Goes on with the value: at once where it is there. What `work` throws then is thrown here. */
export function whenThere<T, R>(value: Maybe<T>, work: (value: T) => Maybe<R>): Maybe<R> {
  return value instanceof Promise ? value.then(work) : work(value);
}
