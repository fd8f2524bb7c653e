"""Text as patterns of refusals read it: one form for letters, quotes and dashes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_MARKS = re.compile("[\u0300-\u036f\u0640\u064b-\u0655\u0670\u093c]")
"""Accents, Arabic vowel signs and hamzas, the Hindi nukta: written or left out alike."""
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_TRADITIONAL = (
    "無協幫這個請對關問題說謝違應該為會還沒學習給讓話內於們詢從尋專業嗎麼過與當進開點動種現實規則險傷毀製國體樣頭經發東買賣電"
    "議論談語詞認識諒惡聯繫係複復據護權責鏈聽難願顧辦轉較輔邊間長門際隱離雙雖響頁項須領顯類養驗紹僅執導許訴區擔訊設計參壞殺報"
    "術諮總結傳萬覺資達兒擾竊騙詐鍵諾屬將絕謹勵錯誤質監獄藥劑彈槍爾產盜單線熱歡輕鬆處紀錄轟歲條確範圍額獲後來時"
)
"""Chinese characters that refusals are written with, of which patterns know the simplified form."""
_SIMPLIFIED = (
    "无协帮这个请对关问题说谢违应该为会还没学习给让话内于们询从寻专业吗么过与当进开点动种现实规则险伤毁制国体样头经发东买卖电"
    "议论谈语词认识谅恶联系系复复据护权责链听难愿顾办转较辅边间长门际隐离双虽响页项须领显类养验绍仅执导许诉区担讯设计参坏杀报"
    "术咨总结传万觉资达儿扰窃骗诈键诺属将绝谨励错误质监狱药剂弹枪尔产盗单线热欢轻松处纪录轰岁条确范围额获后来时"
)
_SAME = str.maketrans(
    dict.fromkeys("‘’ʼ´`′＇", "'")
    | dict.fromkeys("“”„«»‹›「」『』″＂", '"')
    | dict.fromkeys("–—―‒−", "—")
    | dict(zip(_TRADITIONAL, _SIMPLIFIED, strict=True))
    | {"\u2028": "\n", "\u2029": "\n", "\r": "\n", "\t": " ", "\u00a0": " "}
)


def fold(text: str) -> str:
    """Lower case without accents, quotes and dashes of one kind, nothing invisible.

    Compatibility forms (full width, mathematical letters) become plain ones (Unicode NFKD).
    """
    if text.isascii():  # the same, in a tenth of the time
        return _CONTROLS.sub("", text.translate(_SAME).lower())
    text = unicodedata.normalize("NFKD", text.translate(_SAME)).translate(_SAME)
    text = unicodedata.normalize("NFC", _MARKS.sub("", text)).casefold()
    return text.translate(_SHOWN)


def invisible(character: str) -> bool:
    """Whether it shows nothing: format and control characters, variation selectors, tags."""
    return (
        unicodedata.category(character) in ("Cf", "Cc", "Co", "Cn")
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def hides(text: str) -> bool:
    """Whether so much of it is invisible or a pictograph that it may carry a message."""
    if text.isascii():
        return len(_CONTROLS.findall(text)) - text.count("\r") - text.count("\t") > 12 or (
            text.count("^") + text.count("`") > 12
        )
    times = Counter(text)
    odd = sum(n for c, n in times.items() if c not in "\n\r\t" and invisible(c))
    pictures = sum(n for c, n in times.items() if unicodedata.category(c) in ("So", "Sk"))
    return odd > 12 or pictures > 12


class _Shown(dict[int, int | None]):
    """A code point's place in a text without what is invisible, looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if code != ord("\n") and invisible(chr(code)) else code
        return self[code]


_SHOWN = _Shown()
