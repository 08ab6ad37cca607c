// What a function said before: for what is computed of a few texts again and again, such as the
// address of a peer.

/** Texts that are remembered; then all are forgotten, so that nobody can fill the memory. */
const MOST = 1000;

/** Longest text that is remembered, in characters. */
const LONGEST = 256;

/** The same function, which remembers its answers. It must depend on nothing but the text. */
export function recall<T>(compute: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const answer = compute(text);
    if (text.length > LONGEST) return answer;
    if (known.size >= MOST) known.clear();
    known.set(text, answer);
    return answer;
  };
}
