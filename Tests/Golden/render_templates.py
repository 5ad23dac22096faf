"""Digests of what public chat templates make of the conversations in conversations.json, by jinja2 as transformers sets it up.

python render_templates.py NAME=FOLDER ...    writes templates.json: of each FOLDER's *.jinja files, under NAME/file

Of the templates themselves only digests are kept, and of what they give the first 16 digits of the digests. Each template is
rendered with every conversation, without tools and with them, without a generation prompt and with it, in this order. What raises
an exception has "raises" for its digest.
"""

import datetime
import hashlib
import importlib.metadata
import json
import pathlib
import platform
import sys

from transformers.utils import chat_template_utils

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2026, 7, 4, 15, 6, 7)


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def outputs(source, document):
    for conversation in document["conversations"]:
        for tools in (None, document["tools"]):
            for prompt in (False, True):
                context = json.loads(json.dumps(dict(messages=conversation["messages"], tools=tools)))
                context.update(document["variables"], documents=None, add_generation_prompt=prompt)
                try:
                    yield digest(chat_template_utils._compile_jinja_template(source).render(**context))[:16]
                except Exception:
                    yield "raises"


def write(folders, path):
    chat_template_utils.datetime = Clock
    document = json.loads((HERE / "conversations.json").read_text())
    versions = {name: importlib.metadata.version(name) for name in ("jinja2", "markupsafe", "transformers")}
    versions["python"] = platform.python_version()
    templates = []
    for name, folder in folders:
        for file in sorted(pathlib.Path(folder).glob("*.jinja")):
            source = file.read_bytes().decode()
            templates.append(dict(name=f"{name}/{file.name}", sha256=digest(source), outputs=list(outputs(source, document))))
    lines = ",\n".join(json.dumps(template) for template in templates)
    path.write_text(f'{{"versions": {json.dumps(versions)}, "templates": [\n{lines}\n]}}\n')
    return len(templates)


if __name__ == "__main__":
    print(write([argument.split("=", 1) for argument in sys.argv[1:]], HERE / "templates.json"), "templates")
