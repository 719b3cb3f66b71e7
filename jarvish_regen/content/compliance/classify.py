"""Derive what a text is: advertisement, educational, service or greeting.

The class decides which rules apply, more than any wording does. The cues are data (``classification`` in rules.yaml);
in doubt a text is an
advertisement. Mandated texts and the signature say nothing about the class and are left out.
"""

from .matching import Scan


def classify(scan: Scan) -> tuple[str, str]:
    """Give the content class of the scanned text and the reason in words."""
    mandated = scan.plain_spans(scan.pack.mandated)

    def cue(name: str) -> str | None:
        for start, end in scan.hits(scan.pack.classification[name], scan.pack.classification.get(f"not_{name}", ())):
            if not any(start < right and left < end for left, right in mandated):
                return " ".join(scan.raw[start:end].split())
        return None

    call = cue("call")
    if call:
        return "advertisement", f"calls to buy or sell: \u201c{call}\u201d"
    product, greeting, service = cue("product"), cue("greeting"), cue("service")
    selling = cue("selling")
    if greeting and not product and not selling:
        return "greeting", f"wishes without an offer: \u201c{greeting}\u201d"
    if service and not selling:
        return "service", f"about the client's own account: \u201c{service}\u201d"
    if not product:
        return "educational", "markets no scheme, security or service"
    if selling:
        return "advertisement", f"names a product (\u201c{product}\u201d) and solicits (\u201c{selling}\u201d)"
    return "advertisement", f"names a product: \u201c{product}\u201d"
