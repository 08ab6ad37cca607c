// Remembers what was made of an object for as long as the object lives, so that it is made once for
// all who are told the same.

/**
 * The same, made once for each object; what else it is given must be the same for the same object.
 */
export function remember<K extends object, T extends object, A extends readonly unknown[]>(
  make: (object: K, ...others: A) => T,
): (object: K, ...others: A) => T {
  const known = new WeakMap<K, T>();
  return (object, ...others) => {
    const before = known.get(object);
    if (before !== undefined) return before;
    const made = make(object, ...others);
    known.set(object, made);
    return made;
  };
}
