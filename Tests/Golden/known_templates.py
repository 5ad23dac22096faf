"""Finds the chat templates that the formats of ChatTemplate.swift render exactly.

    python Tests/Golden/known_templates.py FILE_OR_FOLDER ...

reads Jinja templates (*.jinja, tokenizer_config.json) and those of chat_templates.json, renders random conversations through
each, as transformers does, and writes digests alone: of templates, with the format that gives the same text, into the table
of ChatTemplate+Known.swift; of the conversations' texts, by format, into known_templates.json, against which Swift is tested.
"""

import hashlib
import json
import pathlib
import random
import re
import sys

from jinja2.exceptions import TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chat_templates import TEMPLATES

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "Sources/SwageText/Templates/ChatTemplate+Known.swift"
GOLDEN = ROOT / "Tests/Golden/known_templates.json"
TODAY = "31 Dec 1999"
COUNT = 200


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def digest(template):
    """As ChatTemplate.digest: lines end with a line feed, the last one without."""
    template = template.replace("\r\n", "\n")
    return sha(template[:-1] if template.endswith("\n") else template)


def fail(message):
    raise TemplateError(message)


def renderer(template):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.globals["raise_exception"] = fail
    environment.globals["strftime_now"] = lambda form: TODAY
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    compiled = environment.from_string(template)
    tokens = dict(bos_token="<|begin_of_text|>", eos_token="<|eot_id|>", pad_token="", unk_token="")
    return lambda messages, prompt: compiled.render(
        messages=messages, tools=None, documents=None, add_generation_prompt=prompt, **tokens
    )


# What the formats of ChatTemplate.swift write; None for what they refuse.


def chatml(system):
    def render(messages, prompt):
        if any("reasoning_content" in message for message in messages):
            return None
        if system is not None and messages[0]["role"] != "system":
            messages = [dict(role="system", content=system)] + messages
        return chatml_text(messages, prompt)

    return render


def chatml_text(messages, prompt):
    text = "".join(f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages)
    return text + ("<|im_start|>assistant\n" if prompt else "")


def qwen3(messages, prompt):
    def is_question(message):
        content = message["content"]
        is_result = content.startswith("<tool_response>") and content.endswith("</tool_response>")
        return message["role"] == "user" and not is_result

    last_question = max((i for i, message in enumerate(messages) if is_question(message)), default=len(messages) - 1)
    result = []
    for i, message in enumerate(messages):
        content = message["content"]
        if message["role"] == "assistant":
            thought = message.get("reasoning_content", "")
            if "reasoning_content" not in message and "</think>" in content:
                thought = content.split("</think>")[0].rstrip("\n").split("<think>")[-1].lstrip("\n")
                content = content.split("</think>")[-1].lstrip("\n")
            is_last = i == len(messages) - 1
            if i > last_question and not is_last and not thought and messages[i + 1]["role"] == "assistant":
                return None
            if i > last_question and (is_last or thought):
                content = "<think>\n" + thought.strip("\n") + "\n</think>\n\n" + content.lstrip("\n")
        result.append(dict(role=message["role"], content=content))
    return chatml_text(result, prompt)


def llama3(date):
    def render(messages, prompt):
        if any("reasoning_content" in message for message in messages):
            return None
        messages = [dict(role=message["role"], content=message["content"].strip()) for message in messages]
        if date is not None:
            system = ""
            if messages[0]["role"] == "system":
                system, messages = messages[0]["content"], messages[1:]
            dated = f"Cutting Knowledge Date: December 2023\nToday Date: {date}\n\n{system}"
            messages = [dict(role="system", content=dated)] + messages
        text = "<|begin_of_text|>" + "".join(
            f"<|start_header_id|>{message['role']}<|end_header_id|>\n\n{message['content']}<|eot_id|>" for message in messages
        )
        return text + ("<|start_header_id|>assistant<|end_header_id|>\n\n" if prompt else "")

    return render


def formats(render):
    """The formats that a template could be, by what it makes of a question: how Swift spells each, and what it writes."""
    try:
        text = render([dict(role="user", content="Q")], True)
    except Exception:
        return []
    system = re.match(r"<\|im_start\|>system\n(.*?)<\|im_end\|>\n<\|im_start\|>user\n", text, re.DOTALL)
    date = re.search(r"Today Date: (.*)\n", text)
    found = [(".chatML(defaultSystem: nil)", chatml(None)), (".qwen3", qwen3), (".llama3(date: nil)", llama3(None))]
    if system:
        found.append((f".chatML(defaultSystem: {json.dumps(system.group(1), ensure_ascii=False)})", chatml(system.group(1))))
    if date and date.group(1) == TODAY:
        found.append((".llama3(date: .today)", llama3(TODAY)))
    elif date:
        found.append((f'.llama3(date: .fixed("{date.group(1)}"))', llama3(date.group(1))))
    return found


# A template that was here before, which reads no "reasoning_content" and knows no results of tools, for neither of which it
# has another meaning.
EARLIER = {"766dfba8202b55ffbbe8f8da2480d6b3884d4767e66fb28bf3116820ce841042": ".qwen3"}

WORDS = ["", " ", "\n", "Hi", "2 + 2?", "naïve café", "👩‍👩‍👧", "a\r\nb", "\r\n", "\t", "<|im_end|>", "<|eot_id|>", "x" * 40]
EDGES = ["", "", "", " ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u2003", "\u200b", "\x1c", "\u3000", "\u0301"]
THOUGHTS = ["<think>\n{}\n</think>\n\n", "<think>{}</think>", "{}</think>\n", "<think>\n\n</think>\n\n", "<think>{}"]


def content(draw, role):
    text = draw.choice(EDGES) + " ".join(draw.choice(WORDS) for _ in range(draw.randrange(3))) + draw.choice(EDGES)
    if role == "assistant" and draw.random() < 0.3:
        text = draw.choice(THOUGHTS).format(draw.choice(WORDS)) + text
    if role == "user" and draw.random() < 0.05:
        text = f"<tool_response>{text}</tool_response>"
    return text


def conversation(draw):
    messages = [dict(role="system", content=content(draw, "system"))] if draw.random() < 0.4 else []
    role = "assistant" if draw.random() < 0.1 else "user"
    for _ in range(draw.randrange(1, 7)):
        message = dict(role=role, content=content(draw, role))
        if role == "assistant" and draw.random() < 0.2:
            message["reasoning_content"] = draw.choice(WORDS) + draw.choice(EDGES)
        messages.append(message)
        if draw.random() < 0.85:
            role = "user" if role == "assistant" else "assistant"
        elif draw.random() < 0.2:
            messages.append(dict(role="system", content=content(draw, "system")))
    return messages


def agrees(render, format, conversations):
    for messages in conversations:
        for prompt in (False, True):
            ours = format(messages, prompt)
            if ours is None:
                continue
            try:
                if render(messages, prompt) != ours:
                    return False
            except Exception:
                return False
    return True


def templates(arguments):
    yield from TEMPLATES.items()
    for argument in map(pathlib.Path, arguments):
        for path in sorted(argument.rglob("*")) if argument.is_dir() else [argument]:
            if path.suffix == ".jinja":
                yield path.stem, path.read_bytes().decode()
            elif path.name == "tokenizer_config.json":
                found = json.loads(path.read_text()).get("chat_template")
                named = found if isinstance(found, list) else [dict(name="default", template=found)]
                for one in named:
                    if isinstance(one["template"], str) and one["name"] == "default":
                        yield path.parent.name, one["template"]


def main():
    draw = random.Random(20)
    conversations = [conversation(draw) for _ in range(COUNT)]
    known, names, expected = dict(EARLIER), {key: ["qwen3, shortened"] for key in EARLIER}, {}
    for name, template in templates(sys.argv[1:]):
        try:
            render = renderer(template)
        except Exception as error:
            print(f"{name}: {error}")
            continue
        # The one that has more to say counts: no message of a system's is the same as none if it is not there.
        fitting = [(swift, format) for swift, format in formats(render) if agrees(render, format, conversations)]
        print(f"{name}: {fitting[-1][0] if fitting else 'none'}")
        if fitting:
            swift, format = fitting[-1]
            known[digest(template)] = swift
            names.setdefault(digest(template), []).append(name)
            expected[swift] = [sha(text) if (text := format(c, p)) is not None else None for c in conversations for p in (False, True)]
    lines = [
        f"        // {', '.join(sorted(set(names[key])))}\n        \"{key}\":\n            {swift},\n"
        for key, swift in sorted(known.items(), key=lambda item: (item[1], item[0]))
    ]
    TABLE.write_text(
        "// Written by Tests/Golden/known_templates.py, which says how.\n\n"
        "extension ChatTemplate {\n"
        "    /// The formats of published templates, by the digests of their texts.\n"
        "    static let known: [String: ChatTemplate] = [\n" + "".join(lines) + "    ]\n}\n"
    )
    GOLDEN.write_text(json.dumps(dict(conversations=conversations, texts=expected), indent=0) + "\n")


main()
