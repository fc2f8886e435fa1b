"""In which language a name in Chinese characters is written, so that they take that country's shapes."""

from __future__ import annotations

import re

_KANA = re.compile("[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]")
_HANGUL = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

_BY_COUNTRY = {
    "CN": "zh-CN", "SG": "zh-CN", "TW": "zh-TW", "HK": "zh-HK", "MO": "zh-HK", "JP": "ja", "KR": "ko",
}  # fmt: skip


def tongue(text: str, language: str, country: str = "") -> str:
    """The BCP 47 tag of a text that stands in a document of `language`.

    One character looks different in Beijing, Taipei, Tokyo and Seoul (Unicode's Han unification): kana
    and Hangul tell, else the country (ISO 3166-1), else it is taken for simplified Chinese.
    """
    if _KANA.search(text):
        return "ja"
    if _HANGUL.search(text):
        return "ko"
    if _HAN.search(text):
        return _BY_COUNTRY.get(country, "zh-CN")
    return language
