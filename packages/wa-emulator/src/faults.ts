/** Faults that stay in force, as opposed to those that happen once (a drop, a stream error). */
export interface StandingFaults {
  /** Added to every acknowledgement, milliseconds; `phone` undefined is everyone. */
  slowAckMs: PerPhone;
  /** Added to every iq answer, milliseconds. */
  slowIqMs: PerPhone;
  /** Failure code that the next so many logins get. */
  loginFailure: LoginFailure | undefined;
  /** Uploads that still fail. */
  mediaFailures: number;
  reset(): void;
  describe(): Record<string, unknown>;
}

interface LoginFailure {
  code: number;
  timesLeft: number;
  phone: string | undefined;
}

/** A number for everyone and numbers for single phones, which win. */
interface PerPhone {
  set(phone: string | undefined, value: number): void;
  get(phone: string): number;
  reset(): void;
  describe(): Record<string, number>;
}

/** No faults at all. */
export function createFaults(): StandingFaults {
  const faults: StandingFaults = {
    slowAckMs: createPerPhone(),
    slowIqMs: createPerPhone(),
    loginFailure: undefined,
    mediaFailures: 0,
    reset() {
      faults.slowAckMs.reset();
      faults.slowIqMs.reset();
      faults.loginFailure = undefined;
      faults.mediaFailures = 0;
    },
    describe: () => ({
      slowAckMs: faults.slowAckMs.describe(),
      slowIqMs: faults.slowIqMs.describe(),
      loginFailure: faults.loginFailure ?? null,
      mediaFailures: faults.mediaFailures,
    }),
  };
  return faults;
}

function createPerPhone(): PerPhone {
  const values = new Map<string, number>();
  const everyone = '*';
  return {
    set(phone, value) {
      if (value === 0) {
        values.delete(phone ?? everyone);
      } else {
        values.set(phone ?? everyone, value);
      }
    },
    get: (phone) => values.get(phone) ?? values.get(everyone) ?? 0,
    reset: () => values.clear(),
    describe: () => Object.fromEntries(values),
  };
}

/** The failure code this login meets, if any; counts it. */
export function takeLoginFailure(faults: StandingFaults, phone: string | undefined): number | undefined {
  const failure = faults.loginFailure;
  if (!failure || (failure.phone !== undefined && failure.phone !== phone)) {
    return undefined;
  }
  failure.timesLeft -= 1;
  if (failure.timesLeft <= 0) {
    faults.loginFailure = undefined;
  }
  return failure.code;
}
