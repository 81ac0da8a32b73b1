"""Names as they are met in 彭水 and 大渡口, a few of them hard to type."""

from __future__ import annotations

from typing import Final

# 苗族、土家族 surnames of 渝东南 first, then those of everywhere
SURNAMES: Final = (
    *"冉冉冉冉谭谭谭田田田向向龚龚庹庹任任罗罗黄黄张张王王李李李刘刘陈陈杨杨周吴赵孙何",
    *"邓曾肖廖谢蒋彭汪石熊姚侯甘安樊豆简宁马董倪秦",
)
MALE: Final = tuple("光荣华明强军勇国平建文斌波超林江海山永兴德贵福正安武忠义成云龙祥庆")
FEMALE: Final = tuple("芳秀英兰梅菊桂珍玉琼芬霞丽娟敏静燕红艳莉群素碧淑凤琴雪晓春萍仙")
BOTH: Final = tuple("世代学永思宇佳子小天春明家文昌大长友仁泽先应")
# characters outside GB2312, some outside the BMP: banks spell them in several ways
RARE_GIVEN: Final = ("𠮷", "䶮", "㛃", "堃", "喆", "燚", "垚")
DOTTED: Final = (
    "阿依·古丽",
    "买买提·艾力",
    "木沙·阿洪",
    "次仁·卓玛",
    "古丽娜尔·吐尔逊",
    "阿布都·热合曼",
    "叶尔兰·巴合提",
    "迪丽热巴·玉素甫",
)
DOT_SHAPES: Final = ("·", "•", "‧", "・", "．", ".")
