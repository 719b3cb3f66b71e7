// What every page has: the scripted mark, the theme switch, dismissable messages, one send per form.

document.documentElement.classList.add("scripted");

const YEAR_SECONDS = 31536000;

const wantsDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

const switchTheme = (form) => {
  const theme = wantsDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme};path=/;max-age=${YEAR_SECONDS};samesite=lax`;
  form.querySelector("[data-theme-name]").textContent = form.dataset[theme];
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-theme-switch]")) {
    event.preventDefault();
    switchTheme(form);
    return;
  }
  // A double tap must not send twice. The server refuses it too; this only spares the wait.
  if (form.method === "post" && !event.defaultPrevented) {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  }
});

// A page that comes back from the browser's memory may send again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

document.addEventListener("click", (event) => {
  const closer = event.target.closest("[data-dismiss]");
  if (closer) closer.closest(".toast").remove();
});
