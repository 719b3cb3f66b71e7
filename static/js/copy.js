// Copy the approved text; where the clipboard is closed, select it so that the person's own copy command works.

const say = (button, words) => {
  const face = button.querySelector("[data-copy-words]");
  const before = face.textContent;
  face.textContent = words;
  setTimeout(() => { face.textContent = before; }, 2500);
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector("[data-copy-source]");
  try {
    await navigator.clipboard.writeText(source.value);
    say(button, button.dataset.copy);
  } catch {
    source.closest("details").open = true;
    source.focus();
    source.select();
    say(button, button.dataset.copyByHand);
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-share]");
  if (!button) return;
  try {
    await navigator.share({ text: document.querySelector("[data-copy-source]").value });
  } catch (error) {
    if (error.name !== "AbortError") button.hidden = true;
  }
});

for (const button of document.querySelectorAll("[data-share]")) button.hidden = !navigator.share;
