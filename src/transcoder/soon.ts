// What may be there at once: most steps of most calls wait for nothing, and a promise for each of
// them would cost more than they do.

/** A value, or its promise. */
export type Soon<T> = T | Promise<T>;

/** Goes on with the value: at once when it is there. */
export function whenThere<T, U>(value: Soon<T>, next: (value: T) => Soon<U>): Soon<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** What the work comes to; when it fails, at once or later, what `otherwise` makes of the error. */
export function attempt<T>(work: () => Soon<T>, otherwise: (error: unknown) => Soon<T>): Soon<T> {
  try {
    const value = work();
    return value instanceof Promise ? value.catch(otherwise) : value;
  } catch (error) {
    return otherwise(error);
  }
}
