// The B and list buttons of a plain textarea: they write **bold** and "- ", which the server turns into markup.

const replace = (area, start, end, words, from, to) => {
  area.setRangeText(words, start, end, "end");
  area.setSelectionRange(from, to);
  area.focus();
  area.dispatchEvent(new Event("input", { bubbles: true }));
};

const bold = (area) => {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const words = value.slice(start, end);
  const bare = words.match(/^\*\*([\s\S]*)\*\*$/);
  if (bare) replace(area, start, end, bare[1], start, start + bare[1].length);
  else replace(area, start, end, `**${words}**`, start + 2, start + 2 + words.length);
};

const list = (area) => {
  const { selectionStart: start, selectionEnd: end, value } = area;
  const from = value.lastIndexOf("\n", start - 1) + 1;
  const lines = value.slice(from, end).split("\n");
  const isList = lines.every((line) => line.startsWith("- "));
  const words = lines.map((line) => (isList ? line.slice(2) : `- ${line}`)).join("\n");
  replace(area, from, end, words, from + words.length, from + words.length);
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-note-tool]");
  if (!button) return;
  const area = button.closest("[data-note]").querySelector("textarea");
  (button.dataset.noteTool === "bold" ? bold : list)(area);
});

document.addEventListener("keydown", (event) => {
  const inNote = event.target.closest?.("[data-note]");
  if (!inNote || event.isComposing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "b") return;
  event.preventDefault();
  bold(event.target);
});
