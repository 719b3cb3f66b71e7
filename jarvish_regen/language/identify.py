"""Which of the four languages a person writes in: English, Hindi, Marathi, or Hindi in Latin letters.

No language detector knows Hinglish, so this counts function words: they are few, frequent and hardly shared. The
writer's own words decide; what is quoted from a draft does not, unless nothing else is there.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import regex

from jarvish_regen.language.words import normalise_for_comparison, word_set

Language = Literal["en", "hi", "mr", "hinglish"]

_QUOTED = regex.compile(r"\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»|(?<!\w)['‘][^'’\n]{2,200}['’](?!\w)|\{\{[^{}\n]*\}\}")
_QUOTES = "\"“«'‘{"
_TWO_LETTERS = regex.compile(r"\p{L}{2}")
_LATIN = re.compile(r"[a-z]+(?:'[a-z]+)*")
_LOWER_CASE = regex.compile(r"(?<![\p{L}@./])[a-z]{2,}(?![\p{L}@.])")
_DEVANAGARI = regex.compile(r"[\p{Script=Devanagari}]+")

# Hindi in Latin letters, with the spellings people use. Words that are also common English ("to", "me", "is", "par",
# "the", "bin", "main") count little or nothing by themselves and are listed apart.
_HINGLISH = word_set(
    """
    hai hain hi bhi nahi nahin nai nhi ni ka ki ke ko se mein mai maine hum humne hamne hame hume humare hamara
    hamare hamari humara humari mera meri mere mujhe mujhko tum tumne tumhara tumhari tumhare tumhe aap aapne
    aapka aapki aapke aapko ye yeh woh wo vo usne uska uski uske usko usse isne iska iski iske isko isse isme
    ismein usme usmein inka inki inke inko unka unki unke unko unhe unhone inhe inhone kya kyu kyun kyon kaise
    kaisa kaisi kab kahan kaha kidhar kaun kon kisne kiska kiski kiske kisko kisi kitna kitni kitne kuch kuchh
    koi kahin kabhi jab tab ab abhi phir fir aur ya lekin magar toh tho agar warna taaki isliye kyunki kyuki
    jaise jaisa jaisi waise waisa aise aisa aisi itna itni itne utna utni jo jis jiska jiski jisme jisko jise
    wala wali wale waala waali waale walon wahi yahi wahan yahan waha yaha idhar udhar ek teen chaar paanch chhe
    saat tha thi thay hua hui hue hota hoti hote hoga hogi honge hona hoon hun ho hu raha rahi rahe rakho rakha
    rakh rakhna gaya gayi gaye gya gyi jata jaata jaati jati jaate jaayega jayega jaayegi jayegi jayenge jana
    jaana aa aaya aayi aaye aata aati aate aana aayega ayega karo kare karna karke karta karti karte karein karu
    karun karunga kiya kar karwa karao kijiye karenge diya di diye do de dena dete deta deti denge dijiye dedo
    liya lo lena lete leta le lijiye lijie likho likha likhi likhna likhe likhte likhta likhein likh bolo bola
    boli bol bolte bolna batao bata bataya batana bataiye bhejo bheja bheji bhej bhejna bhejte bheje bhejunga
    hatao hata hatado hataye hatana dalo daalo daal daala dala daalna daliye dikha dikhao dikh dikhta dikhti
    dikhe dekho dekha dekh dekhna dekhiye padh padho padha padhe padhne padhta padhega padhke samajh samjha
    samjhao samjhe samjhega lag laga lagi lagta lagti lagao lagega lagna lagana chahiye chaiye chahie chahta
    chahte sakta sakti sakte sake pao paya milna mila mili mile milega banao bana banaya banti banta badal badlo
    badla rok roko rokiye ruk ruko hatwa nikalo nikal nikala nikaal bana chalo chal chala chalega chalta chalti
    aaj kal parso subah shaam raat din saal mahine hafte bahut bohot bahot zyada jyada thoda thodi thode kam
    bilkul ekdum sirf bas hamesha kaafi pura poora puri poori sab saare sara saara sabko sabhi har dono doosra
    dusra doosri dusri pehle pahle pehla pahla baad upar neeche niche andar bahar saath sath bina liye lie tak
    taraf baare bare beech galat sahi theek thik achha accha acha achchha badhiya bura kharab naya nayi naye
    purana purani purane bada badi bade chhota chota chhoti seedha ulta jaldi dobara turant shuru khatam baat
    naam kaam log logon paisa paise ghar bhai bhaiya behen didi yaar ji sahab sirji madamji beta bacche bachche
    arre arey are haan han na mat matlab jaisi warna bilkul baki baaki alag jagah wajah cheez shabd gaali gussa
    dhyan zaroor jarur zaruri jaruri zikr sach jhooth jhoot pata maloom kripya shukriya dhanyavaad namaste
    jhootha bakwas faltu bekar bekaar mazaak mazak jhol baar galti umar dost vo rakhiye hatayein hataiye hatao
    karvao likhiye bhejiye dijiyega hatva tareekh nuksan nuksaan chhod
    """
)
_SHARED = word_set(
    """
    yaar ji to me is us the main par bin bad man do din are hum log so kal hi ho kam lo han na par pe sir han din le age
    ban bas bat chal lag mat ruk sab tab tip wo ye bed maze bore ya de di aa ek mile hue kite band baat pao kar
    rate hate kal lie bare ki ko jo
    """
)
_ENGLISH = word_set(
    """
    long short wrong boring dull nice ok okay here there
    a an the and it its it's i i'm i'd i'll i've for of on my not this with that at no you your you're is are as
    we we're we've what have has had from be been being was were they their them there there's in also people
    will would says say said but all which by about our out who how after only just words word then if or before
    why when where than too up like did does do don't didn't doesn't isn't aren't wasn't can't cannot won't
    wouldn't shouldn't should could couldn't can may might must half right wrong another every each other some
    any please pls send sent put now read reads reading again never always one two three first second third last
    next same twice once nobody somebody anyone someone everyone everything nothing something know get got go
    goes going take make made makes see look looks looking need needs want wants think mean means back more most
    less much many few very really even still yet ever because though while until since these those here into
    over under below above between without within against his her she he him us me so to let let's keep give
    given good bad great fine nice better best than remove change fix add cut drop delete write wrote written
    tell told asked ask use used using missing page line lines sentence paragraph reader readers client clients
    looks sounds feels seem seems too well instead yes
    """
)
# What an English or Hinglish sentence is held together by.
LATIN_FUNCTION_WORDS = _HINGLISH | _SHARED | _ENGLISH

_HINDI = word_set(
    """
    है हैं और नहीं में के से यह को गया था थी थे रहे रहा रही बहुत दें दो क्या क्यों दिया दिए दी कि हम किसी इसे
    हमारे हमारी हमारा न कहाँ कहां वह तो आया की का हुए हुई हुआ वाले वाला वाली वही लिए ये मैं फिर जैसे जैसा जैसी
    कोई ऐसे ऐसा ऐसी उन्हें ही लगा मैंने मेरी मेरा मेरे मुझे पिछले पहले पहली तक कुछ अब जी हूँ हूं लोगों यही कौन
    किस कहीं एक ठीक हटाइए हटाएँ हटाओ साथ सब वे रोकिए मत बाद बदल दोनों चाहिए गए गई केवल करें करो कर सारे सबसे
    सकते सकता सकती वालों लीजिए कीजिए दीजिए लिया भेजना भेजें भेजो भेजिए बताइए बढ़िया थोड़ा थोड़ी तुरंत जा किसने
    करना उसे उसके उसका उसकी इस आपने आप होगा होगी होंगे होता होती होते अगर लेकिन मगर या इसमें उसमें इसका इसकी
    इसके अपना अपनी अपने ज़्यादा ज्यादा सिर्फ़ सिर्फ यहाँ यहां वहाँ भी पर ने अभी कब कैसे कैसा कितना कितनी कितने
    दोबारा लिखें लिखिए लिखो लिखा लिखी लगता लगती बिल्कुल बस मेरे हर जब तब इन उन जिस जिसे इतना इतनी इतने नीचे ऊपर
    """
)
_MARATHI = word_set(
    """
    आहे आहेत आहोत आहात नाही नाहीत आणि हे असं असे असा अशी तर पण ते त्यांना त्याला तिला म्हणजे मी फक्त होतं होते
    होती होता हा ही नको नका म्हणून छान शिवाय वाचून लिहा मला द्या टाका आलंय आलं आली आले आम्ही आम्हाला तरी किती
    एवढं एवढा एवढी आमच्या आमचा आमचे आमची शेवटी लिहिलंय लिहिलं लिहिले झाली झालं झाला झाले काढा काढून सांगा माझ्या
    माझी माझा माझं माझे जागी घ्या एका आपण आपल्या आपला आपली सगळे सगळं सगळी सगळ्या वाटतं वाटते मागच्या मग नव्हे
    नव्हतं त्यात त्यांची त्यांचा त्यांचे त्यांच्या कोण कुठे कुठं कुठून हवं हवा हवी हवे त्याऐवजी ऐवजी तेही कशाला
    कसा कसं कशी का काय कोणी कुणी गेलं गेला गेली गेले केली केलं केला केले करा करून करायची करायचं करायला करू शकत
    शकतो शकते शकतात असतो असते असतात लागतो लागते लागेल चालेल चालणार होईल होणार येईल जाईल थांबवा बदला तपासा हेच
    तेच आता आत्ता नंतर आधी पुन्हा परत जरा खूप कमी जास्त चुकीचा चुकीची चुकीचं चुकीचे चांगला चांगली चांगलं बरोबर
    साठी मध्ये वर खाली पाठवू पाठवा पाठवलं दोन त्या त्याच्या तिच्या हिच्या ह्या या यात येथे इथे तिथे जे जो ज्या
    ज्यांना कुठल्या कोणत्या कोणता कोणती काही काहीच एकदा दोनदा थोडं थोडी एक की आवडलं आवडला आवडली नव्हता नव्हती
    होतो
    """
)
# Letters and endings that Marathi uses and Hindi does not: ळ, eyelash ऱ, the genitive -चा/-ची/-चे/-च्या on a noun,
# -ला, -ंना, -ांनी, -ात, -णे/-णार, -ून. Source: the grammars' case and verb tables; endings shared with Hindi words
# are left out.
_MARATHI_LETTERS = regex.compile(r"[ळऱॲ]")
_MARATHI_ENDING = regex.compile(
    r"\p{Script=Devanagari}{2,}(?:च्या|चा|ची|चे|चं|ांना|ांनी|ाला|ीला|ेला|ांत|ातील|ातला|ातली|साठी|मध्ये|कडे|पेक्षा|णार|ायला|ायचं|ायची|ायचा|ून|लंय|लाय|लीय|तंय|तोय|तेय|ाय|ीयत|ायत|लेत|लीत|लात|तोस)"
)
_HINDI_ENDING = regex.compile(r"\p{Script=Devanagari}{2,}(?:ाएँ|ाएं|ाइए|िए|ूँ|ूँगा|ूंगा|ेंगे|ेगा|ेगी|कर|ियाँ|ियों|ाओं|ओं)")


def identify(text: str) -> Language:
    """Name the language a message is written in; English when nothing tells.

    Devanagari mixed with at least as many ordinary Latin words counts as Hinglish; the acronyms and product names
    every Hindi text contains do not.
    """
    own = _QUOTED.sub(" ", text) if any(quote in text for quote in _QUOTES) else text
    if not _TWO_LETTERS.search(own):
        own = text
    plain = normalise_for_comparison(own)
    devanagari = [] if plain.isascii() else _DEVANAGARI.findall(plain)
    latin = _LATIN.findall(plain.replace("’", "'"))
    if not devanagari:
        return _latin_language(latin)
    if not latin:
        return _devanagari_language(devanagari)
    # Acronyms and names are written in capitals even in Hindi; only lower-case words show that the writer mixes.
    mixed = _LOWER_CASE.findall(own)
    romanised = sum(word in _HINGLISH and word not in _SHARED for word in latin)
    if len(mixed) > len(devanagari):
        return "hinglish" if romanised or len(devanagari) > 1 else _latin_language(latin)
    return "hinglish" if 2 * len(mixed) >= len(devanagari) > 3 else _devanagari_language(devanagari)


def _latin_language(words: Iterable[str]) -> Language:
    hinglish = english = 0.0
    for word in words:
        if word in _LATIN_VOTES:
            for_hinglish, for_english = _LATIN_VOTES[word]
            hinglish += for_hinglish
            english += for_english
    # One "yaar" or "na" does not make a sentence Hindi: English wins ties.
    return "hinglish" if hinglish > english * 0.8 else "en"


def _latin_vote(word: str) -> tuple[float, float]:
    if word in _SHARED:
        return 0.25 * (word in _HINGLISH), 0.25 * (word in _ENGLISH)
    return (1.0, 0.0) if word in _HINGLISH else (0.0, 1.0)


_LATIN_VOTES = {word: _latin_vote(word) for word in LATIN_FUNCTION_WORDS}


def _devanagari_language(words: Iterable[str]) -> Language:
    hindi, marathi = _votes(words)
    return "mr" if marathi > hindi else "hi"


def hindi_over_marathi(text: str) -> float:
    """Return by how many words a Devanagari text is Hindi rather than Marathi; below zero it is Marathi, 0 untold."""
    hindi, marathi = _votes(_DEVANAGARI.findall(normalise_for_comparison(text)))
    return hindi - marathi


def _votes(words: Iterable[str]) -> tuple[float, float]:
    hindi = marathi = 0.0
    for word in words:
        for_hindi, for_marathi = _vote(word) if len(word) <= _WORD_CHARS else _vote.__wrapped__(word)
        hindi += for_hindi
        marathi += for_marathi
    return hindi, marathi


# Longer than this it is no word, and too big to be remembered.
_WORD_CHARS = 32


# A language is mostly the same few thousand words.
@lru_cache(maxsize=8_192)
def _vote(word: str) -> tuple[float, float]:
    bare = word.strip("।॥")
    if bare in _MARATHI and bare in _HINDI:
        return 0, 0
    if bare in _HINDI:
        return 1, 0
    if bare in _MARATHI:
        return 0, 1
    if _MARATHI_LETTERS.search(bare) or _MARATHI_ENDING.fullmatch(bare):
        return 0, 0.7
    if "़" in bare or "ँ" in bare or _HINDI_ENDING.fullmatch(bare):
        return 0.7, 0
    return 0, 0
