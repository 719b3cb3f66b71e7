// Keys for those at a desk: 1-9 and 0 choose the category, a approves, r rejects, e asks a person. Off while typing or composing; and off
// altogether when the person switched them off in the settings (data-keys="off" on the page).

const isTyping = (target) => target.closest?.('textarea, select, [contenteditable], input:not([type="radio"]):not([type="checkbox"])');

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.documentElement.dataset.keys === "off") return;
  const scope = document.querySelector("dialog[open]") ?? document;
  const wanted = scope.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!wanted) return;
  event.preventDefault();
  wanted.focus();
  wanted.click();
});
