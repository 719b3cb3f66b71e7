// The rejection form as a sheet over the draft. The link leads to the full page when anything here fails.

document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-panel]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !window.htmx) return;
  event.preventDefault();
  const panel = document.querySelector("[data-panel-place]");
  link.setAttribute("aria-busy", "true");
  try {
    const reply = await fetch(link.href, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (!reply.ok || reply.redirected) throw new Error(String(reply.status));
    panel.querySelector("[data-panel-in]").innerHTML = await reply.text();
    panel.showModal();
    panel.dispatchEvent(new CustomEvent("panel:open", { bubbles: true }));
  } catch {
    location.assign(link.href);
  } finally {
    link.removeAttribute("aria-busy");
  }
});

document.addEventListener("click", (event) => {
  const panel = event.target.closest("dialog");
  if (event.target.closest("[data-panel-close]")) {
    event.preventDefault();
    panel.close();
  } else if (event.target === panel) {
    panel.close();
  }
});
