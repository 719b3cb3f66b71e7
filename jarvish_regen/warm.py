"""Do once, before the first person waits, what is done once a process: compile rules, read word lists, load templates.

No database, no thread, no network, so that it may run before processes are forked.
"""

from django.conf import settings
from django.template.loader import get_template

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.language.anchors import anchor_at
from jarvish_regen.language.masking import mask
from jarvish_regen.language.worddiff import word_diff
from regeneration.job import FeedbackBrief, Job, NamedIssue, Voice
from regeneration.jobs import zero_of

_SAMPLES = {
    "en": ("Guaranteed 15% returns. Start a SIP of ₹5,000 today!", "Guaranteed 15% returns."),
    "hi": ("हर महीने पक्का मुनाफा। आज ही SIP शुरू करें।", "हर महीने पक्का मुनाफा।"),
    "mr": ("दर महिन्याला हमीचा परतावा. आजच SIP सुरू करा.", "दर महिन्याला हमीचा परतावा."),
    "hinglish": ("Is fund mein full guarantee hai. Aaj hi SIP shuru karo.", "Is fund mein full guarantee hai."),
}


def warm_up() -> None:
    """Repair one sample in each language and load the templates of the item's page."""
    for language, (text, marked) in _SAMPLES.items():
        context = TextContext("whatsapp", language, "MFD", "ARN-123456", "Asha Kulkarni")
        issue = NamedIssue("guaranteed_returns_claim", anchor_at(text, 0, len(marked)))
        brief = FeedbackBrief("compliance_violation", "critical", "Guarantee hatao.", issues=(issue,))
        zero = zero_of(Job(text, context, brief, Voice("Asha Kulkarni")))
        word_diff(text, zero.candidate.text)
        mask(text)
    for name in settings.WARM_TEMPLATES:
        get_template(name)
