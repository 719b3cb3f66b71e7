"""Names of the trade in both scripts, and capitalised words that are no names."""

from jarvish_regen.language.words import word_set

# Each group: one entity, its canonical name first; lower case, as words separated by one space.
ENTITIES: tuple[tuple[str, ...], ...] = (
    ("hdfc", "एचडीएफसी"),
    ("icici", "icici prudential", "icici pru", "आईसीआईसीआई", "आयसीआयसीआय"),
    ("sbi", "एसबीआई", "एसबीआय"),
    ("axis", "axis mutual", "एक्सिस", "अ‍ॅक्सिस", "अॅक्सिस", "ॲक्सिस"),
    ("kotak", "kotak mahindra", "कोटक"),
    ("nippon", "nippon india", "निप्पॉन", "निप्पोन"),
    ("uti", "यूटीआई", "यूटीआय"),
    ("dsp", "डीएसपी"),
    ("mirae", "mirae asset", "मिराए", "मिरे"),
    ("franklin templeton", "franklin", "फ्रैंकलिन", "फ्रँकलिन"),
    ("aditya birla", "aditya birla sun life", "absl", "आदित्य बिड़ला", "आदित्य बिर्ला"),
    ("tata mutual", "tata amc", "टाटा म्यूचुअल"),
    ("quant mutual", "quant amc", "quant small cap"),
    ("parag parikh", "ppfas", "पराग पारिख", "पराग पारीख"),
    ("motilal oswal", "मोतीलाल ओसवाल"),
    ("edelweiss", "एडलवाइस"),
    ("canara robeco", "केनरा रोबेको", "कॅनरा रोबेको"),
    ("invesco",),
    ("bandhan mutual", "बंधन म्यूचुअल"),
    ("sundaram",),
    ("hsbc", "एचएसबीसी"),
    ("bajaj finserv", "बजाज फिनसर्व"),
    ("lic", "एलआईसी", "एलआयसी"),
    ("groww", "ग्रो"),
    ("zerodha", "ज़ेरोधा", "झिरोधा"),
    ("upstox",),
    ("paytm", "पेटीएम"),
    ("phonepe", "फोनपे"),
    ("scripbox",),
    ("nj wealth",),
    ("cams",),
    ("kfintech", "karvy"),
    ("crisil", "क्रिसिल"),
    ("morningstar",),
    ("value research",),
    ("moneycontrol",),
    ("nifty", "nifty 50", "निफ्टी"),
    ("sensex", "सेंसेक्स"),
    ("bse", "बीएसई"),
    ("nse", "एनएसई"),
    ("mcx",),
    ("nasdaq", "नैस्डैक"),
    ("dow jones",),
    ("sebi", "सेबी"),
    ("amfi", "एम्फी", "ॲम्फी"),
    ("rbi", "आरबीआई", "आरबीआय"),
    ("irdai",),
    ("pfrda",),
    ("epfo",),
    ("reliance", "रिलायंस"),
    ("infosys", "इन्फोसिस"),
    ("tcs", "टीसीएस"),
    ("adani", "अडानी"),
    ("warren buffett", "buffett", "वॉरेन बफेट"),
)

# Months, days, languages, peoples and titles carry capitals in English; terms of the trade get them by habit.
ORDINARY_CAPITALS = word_set(
    """
    lakh lakhs crore crores score tip tips impact insurance start strategy strategies update updates technology
    matters life premium wisdom today tomorrow action alert management rotation overview insight insights
    diversification rebalancing emergency planning planner professional coverage step steps simple guide note
    notes news week weekly month monthly year yearly daily morning evening night happy wishes festival family
    choose never always keep set forget under low high book review check know learn save invest grow growth
    wealth money income expense health education child children daughter son home loan loans debt cost averaging
    compounding power time discipline patience inflation interest rate rates bank banking sector pharma auto
    energy oil gas rupee dollar global world international domestic stay avoid remember important quick fact
    facts myth reality question answer example option options choice why what when where how who which this that
    these those we you he she they it is are was if so but as at by from with into january february march april
    may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
    monday tuesday wednesday thursday friday saturday sunday english hindi marathi hinglish gujarati tamil
    indian indians india indias bharat rupees diwali holi eid christmas dussehra navratri pongal onam ganesh
    chaturthi makar sankranti new independence republic day mr mrs ms dr shri smt sir madam dear hello hi thanks
    regards namaste warm please reply call whatsapp linkedin facebook instagram youtube twitter email google
    mutual fund funds investment investments investor investors distributor distributors adviser advisers
    advisor advisors registered registration systematic plan plans withdrawal transfer equity hybrid index
    liquid gilt direct regular scheme schemes portfolio portfolios asset assets net value allocation large mid
    small cap flexi multi goal goals retirement tax saver saving savings section act government central
    securities exchange board market markets risk risks return returns union budget finance ministry past
    performance disclaimer warning arn euin sip sips swp stp nav kyc elss ppf epf nps aum amc etf fof nfo cagr
    xirr ter ltcg stcg fd rd emi gst pan aadhaar nri hni huf faq pdf qr otp upi ok ceo cfp cfa ai i'm i'll i've
    i'd i one two three five ten sovereign gold bond public provident national pension employee benchmark tri
    factsheet statement offer document documents information memorandum key all read carefully related subject
    not the a an and or of in on for to your our my
    """
)
