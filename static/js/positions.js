// Browsers count UTF-16 units, the server counts code points: an emoji is two of the first and one of the second.

export const codePoints = (text) => Array.from(text).length;

export const quoteOf = (text, start, end) => Array.from(text).slice(start, end).join("");

// Widen to whole user-perceived characters, so that no matra or half of an emoji is left behind.
export const widen = (text, start, end) => {
  if (!Intl.Segmenter) return [start, end];
  let at = 0;
  let from = start;
  let to = end;
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    const next = at + codePoints(segment);
    if (at < start && start < next) from = at;
    if (at < end && end < next) to = next;
    at = next;
  }
  return [from, to];
};

// Trim white space off both ends.
export const trim = (text, start, end) => {
  const letters = Array.from(text);
  let [from, to] = [start, end];
  while (from < to && !letters[from].trim()) from += 1;
  while (to > from && !letters[to - 1].trim()) to -= 1;
  return [from, to];
};

// Position of a point of a DOM range inside `root`, in code points of its text.
export const positionIn = (root, node, offset) => {
  const range = document.createRange();
  range.selectNodeContents(root);
  range.setEnd(node, offset);
  return codePoints(range.toString());
};
