// Marking the words that are wrong: tap a sentence, or select any words and say "mark". Without this module each
// sentence is a submit button, and the page comes back with the sentence marked.

import { positionIn, quoteOf, trim, widen } from "./positions.js";

const formOf = (element) => element.closest("[data-reject]");
const textOf = (form) => form.querySelector("[data-sentences]").textContent;
const changed = (form) => form.dispatchEvent(new Event("input", { bubbles: true }));

const tagOf = (form, key) => form.querySelector(`[data-tag="${CSS.escape(key)}"]`);

const show = (form) => {
  const keys = new Set(Array.from(form.querySelectorAll("[data-tag]"), (tag) => tag.dataset.tag));
  for (const sentence of form.querySelectorAll("[data-sentence]")) {
    sentence.setAttribute("aria-pressed", String(keys.has(sentence.value)));
  }
  form.querySelector("[data-tags-title]").hidden = keys.size === 0;
};

const offerCodes = (form, tag) => {
  const chosen = form.querySelector('[name="category"]:checked')?.value;
  for (const group of tag.querySelectorAll("optgroup")) group.hidden = Boolean(chosen) && group.dataset.category !== chosen;
};

const add = (form, start, end) => {
  const key = `${start}-${end}`;
  if (tagOf(form, key)) return;
  const tag = form.querySelector("[data-tag-template]").content.firstElementChild.cloneNode(true);
  tag.dataset.tag = key;
  tag.querySelector("[data-tag-quote]").textContent = quoteOf(textOf(form), start, end);
  for (const field of tag.querySelectorAll("[name], [id], [for], [value]")) {
    for (const name of ["name", "id", "for", "value"]) {
      const value = field.getAttribute(name);
      if (value) field.setAttribute(name, value.replace("SPAN", key));
    }
  }
  offerCodes(form, tag);
  form.querySelector("[data-tags]").append(tag);
  show(form);
  changed(form);
};

const remove = (form, key) => {
  tagOf(form, key)?.remove();
  show(form);
  changed(form);
};

const selected = () => {
  const selection = getSelection();
  if (!selection || selection.isCollapsed || !selection.rangeCount) return null;
  const range = selection.getRangeAt(0);
  const holder = range.commonAncestorContainer;
  const root = (holder.nodeType === Node.TEXT_NODE ? holder.parentElement : holder).closest?.("[data-sentences]");
  if (!root) return null;
  const text = root.textContent;
  const raw = [positionIn(root, range.startContainer, range.startOffset), positionIn(root, range.endContainer, range.endOffset)];
  const [start, end] = trim(text, ...widen(text, ...raw));
  return start < end ? { form: formOf(root), start, end, words: quoteOf(text, start, end) } : null;
};

let offered = null;

const offer = () => {
  const found = selected();
  if (found) offered = found;
  for (const box of document.querySelectorAll("[data-tag-offer]")) {
    box.hidden = !found;
    if (found) box.querySelector("[data-tag-offer-words]").textContent = found.words;
  }
};

document.addEventListener("click", (event) => {
  const sentence = event.target.closest("[data-sentence]");
  const remover = event.target.closest("[data-untag]");
  const accept = event.target.closest("[data-tag-accept]");
  if (accept && offered) {
    add(offered.form, offered.start, offered.end);
    getSelection().removeAllRanges();
    offer();
  } else if (remover) {
    event.preventDefault();
    remove(formOf(remover), remover.closest("[data-tag]").dataset.tag);
  } else if (sentence) {
    event.preventDefault();
    if (selected()) return;
    const [start, end] = sentence.value.split("-").map(Number);
    if (tagOf(formOf(sentence), sentence.value)) remove(formOf(sentence), sentence.value);
    else add(formOf(sentence), start, end);
  }
});

// Somebody else on the page knows which words are meant, and what is wrong with them.
document.addEventListener("reject:mark", ({ target, detail: { start, end, code } }) => {
  const form = formOf(target);
  add(form, start, end);
  const codes = tagOf(form, `${start}-${end}`).querySelector("select");
  if (Array.from(codes.options).some((option) => option.value === code)) codes.value = code;
});

// On phones the selection settles when the finger leaves; acting earlier would fight its handles.
let touching = false;
document.addEventListener("touchstart", () => { touching = true; }, { passive: true });
document.addEventListener("touchend", () => { touching = false; setTimeout(offer, 0); }, { passive: true });
document.addEventListener("selectionchange", () => { if (!touching) offer(); });

document.addEventListener("change", (event) => {
  if (event.target.name !== "category") return;
  for (const tag of formOf(event.target)?.querySelectorAll("[data-tag]") ?? []) offerCodes(formOf(event.target), tag);
});
