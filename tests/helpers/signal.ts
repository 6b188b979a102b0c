/** Something that happens once, and can be waited for. */
export interface Signal {
  given: Promise<void>;
  give(): void;
}

export function createSignal(): Signal {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give: () => give() };
}
